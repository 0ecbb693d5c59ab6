#![doc = include_str!("../README.md")]

mod flows;
mod operation;
mod schema;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes the table of a trait's flows: `FLOWS`, a constant for each flow in the module `flow`, and calls by name.
///
/// A flow is a method with `#[flow(post = "/route")]`. `async fn … -> Result<Output, FlowError>` answers at once,
/// `fn … -> FlowStream<Output>` streams text, `fn … -> FlowStream<Output, Partial>` what is known so far. Options after
/// the route:
///
/// - `cached`: equal inputs may get the same answer.
/// - `streams = other_method`: this is the streamed form of another flow, not a flow of its own.
#[proc_macro_attribute]
pub fn flows(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = proc_macro2::TokenStream::from(arguments);
    let item = parse_macro_input!(item as syn::ItemTrait);
    flows::expand(&arguments, item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct a type of the wire. See `flow_edge::Schema`.
#[proc_macro_derive(Schema, attributes(streamed))]
pub fn derive_schema(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as syn::DeriveInput);
    schema::expand(&item).unwrap_or_else(syn::Error::into_compile_error).into()
}
