//! Extractors: a handler's arguments, made by the edge's decoding.

use flow_edge::{Envelope, FlowError, RequestContext, Schema, wire};
use poem::http::header::{ACCEPT, CONTENT_TYPE};
use poem::http::{HeaderName, HeaderValue};
use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::reply::ErrorReply;
use crate::schema::{json, register};

/// What a flow may know of the request it answers.
pub struct Ctx(pub RequestContext);

/// A flow's input, validated.
pub struct Input<T>(pub T);

/// The call of a flow by name.
pub struct Named(pub Envelope);

impl<'a> FromRequest<'a> for Ctx {
    async fn from_request(head: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self(ctx(head)?.clone()))
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
        head: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let body = body.take()?.into_bytes_stream();
        let content_type = header(head, CONTENT_TYPE);
        Ok(Self(wire::read(ctx(head)?, content_type, body).await.map_err(ErrorReply)?))
    }
}

impl<'a> FromRequest<'a> for Named {
    async fn from_request(head: &'a Request, body: &mut RequestBody) -> Result<Self> {
        let (query, body) = (head.uri().query(), body.take()?.into_bytes_stream());
        let accept = header(head, ACCEPT);
        let envelope = Envelope::read(ctx(head)?, accept, query, body).await;
        Ok(Self(envelope.map_err(ErrorReply)?))
    }
}

fn ctx(head: &Request) -> Result<&RequestContext, ErrorReply> {
    let ctx = head.data();
    ctx.ok_or_else(|| FlowError::internal("the route is outside the edge").into())
}

fn header(head: &Request, name: HeaderName) -> Option<&[u8]> {
    head.headers().get(name).map(HeaderValue::as_bytes)
}
