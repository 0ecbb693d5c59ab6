//! Extractors: a handler's arguments, made by the edge's decoding.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use flow_edge::{Envelope, FlowError, RequestContext, Schema, wire};

use crate::reply::ErrorReply;

/// What a flow may know of the request it answers.
pub struct Ctx(pub RequestContext);

/// A flow's input, validated.
pub struct Input<T>(pub T);

/// The call of a flow by name.
pub struct Named(pub Envelope);

impl<S: Sync> FromRequestParts<S> for Ctx {
    type Rejection = ErrorReply;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, ErrorReply> {
        Ok(Self(ctx(head)?.clone()))
    }
}

impl<T: Schema, S: Sync> FromRequest<S> for Input<T> {
    type Rejection = ErrorReply;

    async fn from_request(request: Request, _: &S) -> Result<Self, ErrorReply> {
        let (parts, body) = request.into_parts();
        let (head, body) = (&parts, body.into_data_stream());
        let content_type = header(head, CONTENT_TYPE);
        Ok(Self(wire::read(ctx(head)?, content_type, body).await.map_err(ErrorReply)?))
    }
}

impl<S: Sync> FromRequest<S> for Named {
    type Rejection = ErrorReply;

    async fn from_request(request: Request, _: &S) -> Result<Self, ErrorReply> {
        let (parts, body) = request.into_parts();
        let (head, query, body) = (&parts, parts.uri.query(), body.into_data_stream());
        let accept = header(head, ACCEPT);
        let envelope = Envelope::read(ctx(head)?, accept, query, body).await;
        Ok(Self(envelope.map_err(ErrorReply)?))
    }
}

fn ctx(head: &Parts) -> Result<&RequestContext, ErrorReply> {
    let ctx = head.extensions.get();
    ctx.ok_or_else(|| FlowError::internal("the route is outside the edge").into())
}

fn header(head: &Parts, name: HeaderName) -> Option<&[u8]> {
    head.headers.get(name).map(HeaderValue::as_bytes)
}
