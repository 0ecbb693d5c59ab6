//! `#[derive(Schema)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Result};

pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &item.data else {
        return Err(Error::new_spanned(&item.ident, "an input or output of a flow is a struct"));
    };
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(&item.generics, "a type of the wire has one schema: no generics"));
    }
    let name = &item.ident;
    let marked: Vec<&Field> = data.fields.iter().filter(|it| has_streamed(it)).collect();
    let streamed = match marked[..] {
        [] => TokenStream::new(),
        [field] => streamed(item, field)?,
        [_, second, ..] => return Err(Error::new_spanned(second, "only one member can be #[streamed]")),
    };
    Ok(quote! {
        impl ::flow_edge::Schema for #name {
            const NAME: &'static str = stringify!(#name);

            fn document() -> &'static ::flow_edge::__private::Value {
                static DOCUMENT: ::std::sync::LazyLock<::flow_edge::__private::Value> =
                    ::std::sync::LazyLock::new(::flow_edge::__private::describe::<#name>);
                &DOCUMENT
            }

            fn validator() -> &'static ::flow_edge::__private::Validator {
                static VALIDATOR: ::std::sync::LazyLock<::flow_edge::__private::Validator> =
                    ::std::sync::LazyLock::new(::flow_edge::__private::compile::<#name>);
                &VALIDATOR
            }
        }

        impl ::flow_edge::__private::utoipa::PartialSchema for #name {
            fn schema() -> ::flow_edge::__private::utoipa::openapi::RefOr<
                ::flow_edge::__private::utoipa::openapi::Schema,
            > {
                ::flow_edge::__private::utoipa_schema::<#name>()
            }
        }

        impl ::flow_edge::__private::utoipa::ToSchema for #name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(stringify!(#name))
            }
        }

        #streamed
    })
}

fn has_streamed(field: &Field) -> bool {
    field.attrs.iter().any(|it| it.path().is_ident("streamed"))
}

fn streamed(item: &DeriveInput, field: &Field) -> Result<TokenStream> {
    let Some(member) = &field.ident else {
        return Err(Error::new_spanned(field, "a #[streamed] member has a name"));
    };
    let name = &item.ident;
    let text = member.to_string();
    Ok(quote! {
        impl ::flow_edge::Streamed for #name {
            const MEMBER: &'static str = #text;

            fn text(&self) -> &str {
                &self.#member
            }
        }
    })
}
