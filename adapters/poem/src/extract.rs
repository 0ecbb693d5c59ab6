//! The typed way in: poem extractors over core's decoding.

use flow_core::FlowError;
use flow_core::adapter::App;
use flow_core::edge::RequestContext;
use flow_core::schema::Schema;
use flow_core::wire::{collect, decode, genkit};
use hyper::body::Bytes;
use poem::http::HeaderValue;
use poem::http::header::{ACCEPT, CONTENT_TYPE};
use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use crate::docs;
use crate::reply::Fault;

/// What a flow may know of the request it answers.
pub(crate) struct Ctx(pub(crate) RequestContext);

/// A flow's input, validated.
pub(crate) struct Input<T>(pub(crate) T);

/// The envelope of a flow called by name.
pub(crate) struct Envelope {
    pub(crate) data: Value,
    pub(crate) stream: bool,
}

impl<'a> FromRequest<'a> for Ctx {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        let ctx = request.data::<RequestContext>().cloned();
        Ok(Self(ctx.ok_or_else(outside)?))
    }
}

impl<'a, T: Schema> ApiExtractor<'a> for Input<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        docs::register(registry, T::NAME);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { description: None, content: vec![docs::json(T::NAME)], required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let body = read(request, body).await?;
        let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        Ok(Self(decode(content_type, &body).map_err(Fault)?))
    }
}

impl<'a> FromRequest<'a> for Envelope {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let body = read(request, body).await?;
        let header = |name| request.headers().get(name).map(HeaderValue::as_bytes);
        let data = genkit::open_envelope(header(CONTENT_TYPE), &body).map_err(Fault)?;
        Ok(Self { data, stream: genkit::wants_stream(header(ACCEPT), request.uri().query()) })
    }
}

/// Reads the body within the limit.
async fn read(request: &Request, body: &mut RequestBody) -> Result<Bytes> {
    let app = request.data::<App>().ok_or_else(outside)?;
    let body = body.take()?.into_bytes_stream();
    Ok(collect(body, app.edge.max_body_size()).await.map_err(Fault)?)
}

fn outside() -> Fault {
    FlowError::internal("the route is outside the edge").into()
}
