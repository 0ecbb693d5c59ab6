//! The typed way in: axum extractors over the edge's decoding.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use flow_edge::{Envelope, FlowError, RequestContext, Schema, wire};

use crate::reply::Fault;

/// What a flow may know of the request it answers.
pub struct Ctx(pub RequestContext);

/// A flow's input, validated.
pub struct Input<T>(pub T);

/// The call of a flow by name.
pub struct Named(pub Envelope);

impl<S: Sync> FromRequestParts<S> for Ctx {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        Ok(Self(ctx(parts)?.clone()))
    }
}

impl<T: Schema, S: Sync> FromRequest<S> for Input<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        Ok(Self(wire::read(ctx(&parts)?, header(&parts, CONTENT_TYPE), body.into_data_stream()).await?))
    }
}

impl<S: Sync> FromRequest<S> for Named {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let (content_type, accept) = (header(&parts, CONTENT_TYPE), header(&parts, ACCEPT));
        let (query, body) = (parts.uri.query(), body.into_data_stream());
        Ok(Self(Envelope::read(ctx(&parts)?, content_type, accept, query, body).await?))
    }
}

fn ctx(parts: &Parts) -> Result<&RequestContext, FlowError> {
    parts.extensions.get().ok_or_else(|| FlowError::internal("the route is outside the edge"))
}

fn header(parts: &Parts, name: HeaderName) -> Option<&[u8]> {
    parts.headers.get(name).map(HeaderValue::as_bytes)
}
