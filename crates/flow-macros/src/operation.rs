//! What a method of the trait says about its operation.

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, Ident, Lit, LitStr, Meta, PathArguments, Result,
    ReturnType, Token, TraitItemFn, Type,
};

/// One operation: a method with its route.
pub(crate) struct Operation {
    pub(crate) method: Ident,
    pub(crate) route: LitStr,
    /// The first paragraph of the method's comment.
    pub(crate) summary: String,
    /// Whether it returns a stream.
    pub(crate) is_stream: bool,
    pub(crate) cached: bool,
    /// The flow it is the streamed form of, if it is not a flow of its own.
    pub(crate) streams: Option<Ident>,
    pub(crate) input: Type,
    pub(crate) output: Type,
    /// What its stream consists of; text where nothing else is said.
    pub(crate) chunk: Option<Type>,
}

impl Operation {
    /// Reads a method and takes its `#[flow]` away. `None` if it has none.
    pub(crate) fn take(method: &mut TraitItemFn) -> Result<Option<Self>> {
        let Some(at) = method.attrs.iter().position(|it| it.path().is_ident("flow")) else { return Ok(None) };
        let attribute = method.attrs.remove(at);
        let (route, cached, streams) = options(&attribute)?;
        let summary = summary(&method.attrs);
        if summary.is_empty() {
            let message = "a flow needs a comment: it is its summary in OpenAPI";
            return Err(Error::new_spanned(&method.sig.ident, message));
        }
        let Returned { is_stream, output, chunk } = returned(method)?;
        if streams.is_some() && !is_stream {
            let message = "`streams` is for a method that returns a FlowStream";
            return Err(Error::new_spanned(&method.sig.ident, message));
        }
        if cached && is_stream {
            let message = "a stream is not cached; its answer is joined while it flows";
            return Err(Error::new_spanned(&method.sig.ident, message));
        }
        let input = input(method)?;
        let method = method.sig.ident.clone();
        Ok(Some(Self { method, route, summary, is_stream, cached, streams, input, output, chunk }))
    }
}

fn options(attribute: &Attribute) -> Result<(LitStr, bool, Option<Ident>)> {
    let (mut route, mut cached, mut streams) = (None, false, None);
    let options = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
    for option in options {
        match &option {
            Meta::Path(path) if path.is_ident("cached") => cached = true,
            Meta::NameValue(pair) if pair.path.is_ident("post") => route = Some(literal(&pair.value)?),
            Meta::NameValue(pair) if pair.path.is_ident("streams") => match &pair.value {
                Expr::Path(path) => streams = Some(path.path.require_ident()?.clone()),
                other => return Err(Error::new_spanned(other, "expected the name of a method")),
            },
            other => {
                let message = "expected `post = \"/route\"`, `cached` or `streams = method`";
                return Err(Error::new_spanned(other, message));
            }
        }
    }
    let route = route.ok_or_else(|| Error::new_spanned(attribute, "a flow needs `post = \"/route\"`"))?;
    if !route.value().starts_with('/') {
        return Err(Error::new(route.span(), "a route begins with a slash"));
    }
    Ok((route, cached, streams))
}

fn literal(value: &Expr) -> Result<LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.clone()),
        other => Err(Error::new_spanned(other, "expected a text such as \"/route\"")),
    }
}

fn summary(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|it| match &it.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => literal(&pair.value).ok().map(|it| it.value()),
        _ => None,
    });
    let lines: Vec<_> = lines.map(|it| it.trim().to_owned()).take_while(|it| !it.is_empty()).collect();
    lines.join(" ")
}

fn input(method: &TraitItemFn) -> Result<Type> {
    let inputs: Vec<_> = method.sig.inputs.iter().collect();
    match inputs[..] {
        [FnArg::Receiver(_), FnArg::Typed(_), FnArg::Typed(input)] => Ok((*input.ty).clone()),
        _ => Err(Error::new_spanned(
            &method.sig.ident,
            "a flow takes `&self, ctx: &RequestContext, input: Input`",
        )),
    }
}

/// What a method returns.
struct Returned {
    is_stream: bool,
    output: Type,
    chunk: Option<Type>,
}

fn returned(method: &TraitItemFn) -> Result<Returned> {
    let wrong = |span: Span| {
        let message =
            "a flow is `async fn … -> Result<Output, FlowError>` or, streamed, `fn … -> FlowStream<Output>`";
        Error::new(span, message)
    };
    let ReturnType::Type(_, returned) = &method.sig.output else {
        return Err(wrong(method.sig.ident.span()));
    };
    let Type::Path(path) = &**returned else { return Err(wrong(returned.span())) };
    let Some(last) = path.path.segments.last() else { return Err(wrong(returned.span())) };
    let is_stream = match (method.sig.asyncness.is_some(), last.ident.to_string().as_str()) {
        (true, "Result") => false,
        (false, "FlowStream") => true,
        _ => return Err(wrong(returned.span())),
    };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return Err(wrong(returned.span()));
    };
    let mut types = arguments.args.iter().map(|it| match it {
        GenericArgument::Type(it) => Ok(it.clone()),
        other => Err(wrong(other.span())),
    });
    let output = types.next().unwrap_or_else(|| Err(wrong(returned.span())))?;
    let chunk = types.next().filter(|_| is_stream).transpose()?;
    Ok(Returned { is_stream, output, chunk })
}
