//! The typed way in: poem extractors over the edge's decoding.

use flow_edge::{Envelope, FlowError, RequestContext, Schema, wire};
use poem::http::header::{ACCEPT, CONTENT_TYPE};
use poem::http::{HeaderName, HeaderValue};
use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::reply::Fault;
use crate::schema::{json, register};

/// What a flow may know of the request it answers.
pub struct Ctx(pub RequestContext);

/// A flow's input, validated.
pub struct Input<T>(pub T);

/// The call of a flow by name.
pub struct Named(pub Envelope);

impl<'a> FromRequest<'a> for Ctx {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self(ctx(request)?.clone()))
    }
}

impl<'a, T: Schema> ApiExtractor<'a> for Input<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register(registry, T::NAME);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { description: None, content: vec![json(T::NAME)], required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let body = body.take()?.into_bytes_stream();
        Ok(Self(wire::read(ctx(request)?, header(request, CONTENT_TYPE), body).await.map_err(Fault)?))
    }
}

impl<'a> FromRequest<'a> for Named {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let (content_type, accept) = (header(request, CONTENT_TYPE), header(request, ACCEPT));
        let (query, body) = (request.uri().query(), body.take()?.into_bytes_stream());
        let envelope = Envelope::read(ctx(request)?, content_type, accept, query, body).await;
        Ok(Self(envelope.map_err(Fault)?))
    }
}

fn ctx(request: &Request) -> Result<&RequestContext, Fault> {
    request.data().ok_or_else(|| FlowError::internal("the route is outside the edge").into())
}

fn header(request: &Request, name: HeaderName) -> Option<&[u8]> {
    request.headers().get(name).map(HeaderValue::as_bytes)
}
