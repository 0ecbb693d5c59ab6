//! `#[flows]`: from a trait to its table.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Error, Ident, ItemTrait, Result, TraitItem};

use crate::operation::Operation;

/// A flow: an operation, and its streamed form where it has both.
struct Flow {
    first: Operation,
    streamed: Option<Operation>,
}

pub(crate) fn expand(arguments: &TokenStream, mut item: ItemTrait) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`#[flows]` takes no arguments"));
    }
    let mut operations = Vec::new();
    for member in &mut item.items {
        if let TraitItem::Fn(method) = member {
            operations.extend(Operation::take(method)?);
        }
    }
    let mut routes = HashSet::new();
    if let Some(twice) = operations.iter().find(|it| !routes.insert(it.route.value())) {
        return Err(Error::new(twice.route.span(), "another flow has this route"));
    }
    let flows = pair(operations)?;
    let (rows, constants): (Vec<_>, Vec<_>) = flows.iter().enumerate().map(row).unzip();
    let arms = flows.iter().map(arm);
    let name = &item.ident;
    let visibility = &item.vis;
    let about = format!("The flows of [`{name}`], in its order.");
    Ok(quote! {
        #item

        #[doc = #about]
        #visibility const FLOWS: &[::flow_edge::FlowInfo] = &[#(#rows),*];

        /// Each flow by itself.
        #visibility mod flow {
            #(#constants)*
        }

        #[::flow_edge::__private::async_trait]
        impl ::flow_edge::NamedFlows for dyn #name {
            fn table(&self) -> &'static [::flow_edge::FlowInfo] {
                FLOWS
            }

            async fn call(
                &self,
                ctx: &::flow_edge::RequestContext,
                name: &str,
                envelope: ::flow_edge::Envelope,
            ) -> ::core::result::Result<::flow_edge::FlowReply, ::flow_edge::FlowError> {
                match name {
                    #(#arms)*
                    _ => ::core::result::Result::Err(::flow_edge::Envelope::unknown_flow()),
                }
            }
        }
    })
}

/// Puts each streamed form to the flow it belongs to.
fn pair(operations: Vec<Operation>) -> Result<Vec<Flow>> {
    let mut flows: Vec<Flow> = Vec::new();
    for operation in operations {
        let Some(of) = &operation.streams else {
            flows.push(Flow { first: operation, streamed: None });
            continue;
        };
        let Some(flow) = flows.iter_mut().find(|it| it.first.method == *of && !it.first.is_stream) else {
            return Err(Error::new_spanned(of, "no flow of this name stands above, or it streams itself"));
        };
        if flow.streamed.is_some() {
            return Err(Error::new_spanned(of, "this flow has a streamed form already"));
        }
        flow.streamed = Some(operation);
    }
    Ok(flows)
}

/// A flow's row of the table, and its constant.
fn row((at, flow): (usize, &Flow)) -> (TokenStream, TokenStream) {
    let Operation { method, summary, cached, input, output, .. } = &flow.first;
    let name = method.to_string();
    let about = |of: Option<&Operation>| {
        if let Some(Operation { route, summary, .. }) = of {
            quote! {
                ::core::option::Option::Some(::flow_edge::OperationInfo { route: #route, summary: #summary })
            }
        } else {
            quote!(::core::option::Option::None)
        }
    };
    let (unary, streamed) = match (flow.first.is_stream, &flow.streamed) {
        (true, _) => (None, Some(&flow.first)),
        (false, streamed) => (Some(&flow.first), streamed.as_ref()),
    };
    let form = if let Some(Operation { output, chunk, .. }) = streamed {
        let chunk = chunk.as_ref().map_or_else(|| quote!(::std::string::String), ToTokens::to_token_stream);
        quote!(::core::option::Option::Some(<#chunk as ::flow_edge::Chunk<#output>>::FORM))
    } else {
        quote!(::core::option::Option::None)
    };
    let (unary, streamed) = (about(unary), about(streamed));
    let row = quote! {
        ::flow_edge::FlowInfo {
            name: #name,
            unary: #unary,
            streamed: #streamed,
            form: #form,
            cached: #cached,
            input: ::flow_edge::TypeInfo::of::<#input>(),
            output: ::flow_edge::TypeInfo::of::<#output>(),
        }
    };
    let constant = constant(method);
    let constant = quote! {
        #[doc = #summary]
        pub const #constant: &::flow_edge::FlowInfo = &super::FLOWS[#at];
    };
    (row, constant)
}

fn constant(method: &Ident) -> Ident {
    let mut constant = format_ident!("{}", method.to_string().to_uppercase());
    constant.set_span(method.span());
    constant
}

/// The arm of a flow in the call by name.
fn arm(flow: &Flow) -> TokenStream {
    let first = &flow.first.method;
    let name = first.to_string();
    let stream = |method: &Ident| quote!(envelope.stream(ctx, self.#method(ctx, envelope.input()?)).await);
    if flow.first.is_stream {
        let stream = stream(first);
        return quote!(#name => #stream,);
    }
    let streamed = flow.streamed.as_ref().map(|streamed| {
        let stream = stream(&streamed.method);
        quote!(#name if envelope.wants_stream => #stream,)
    });
    quote! {
        #streamed
        #name => envelope.answer(ctx, self.#first(ctx, envelope.input()?).await?).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the compiler says of a trait with these members.
    fn error(members: &str) -> String {
        let item = syn::parse_str(&format!("pub trait Service: Ready {{ {members} }}")).unwrap();
        expand(&TokenStream::new(), item).unwrap_err().to_string()
    }

    #[test]
    fn a_method_without_a_route_is_no_flow_and_stays_as_it_is() {
        let item = syn::parse_str("pub trait Service: Ready { fn other(&self) -> u8; }").unwrap();
        let output = expand(&TokenStream::new(), item).unwrap().to_string();
        assert!(output.contains("fn other (& self) -> u8 ;") && output.contains("FLOWS"), "{output}");
    }

    #[test]
    fn what_is_wrong_with_a_flow_is_said_in_words() {
        let unary = "(&self, ctx: &RequestContext, input: In) -> Result<Out, FlowError>;";
        let stream = "(&self, ctx: &RequestContext, input: In) -> FlowStream<Out>;";
        for (members, wanted) in [
            (format!("#[flow(post = \"/a\")] async fn a{unary}"), "needs a comment"),
            (format!("/// A.\n#[flow(cached)] async fn a{unary}"), "needs `post = \"/route\"`"),
            (format!("/// A.\n#[flow(post = \"a\")] async fn a{unary}"), "begins with a slash"),
            (format!("/// A.\n#[flow(get = \"/a\")] async fn a{unary}"), "expected `post"),
            (format!("/// A.\n#[flow(post = \"/a\")] fn a{unary}"), "a flow is `async fn"),
            (format!("/// A.\n#[flow(post = \"/a\")] async fn a{stream}"), "a flow is `async fn"),
            (format!("/// A.\n#[flow(post = \"/a\", cached)] fn a{stream}"), "a stream is not cached"),
            (format!("/// A.\n#[flow(post = \"/a\", streams = b)] fn a{stream}"), "no flow of this name"),
            (format!("/// A.\n#[flow(post = \"/a\", streams = b)] async fn a{unary}"), "`streams` is for"),
            ("/// A.\n#[flow(post = \"/a\")] async fn a(&self) -> Result<Out, E>;".into(), "a flow takes"),
            (
                format!(
                    "/// A.\n#[flow(post = \"/a\")] async fn a{unary} /// B.\n#[flow(post = \"/a\")] async fn b{unary}"
                ),
                "another flow has this route",
            ),
        ] {
            assert!(error(&members).contains(wanted), "{members}: {}", error(&members));
        }
    }
}
