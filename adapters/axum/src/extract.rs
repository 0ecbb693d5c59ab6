//! The typed way in: axum extractors over core's decoding.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderValue;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use flow_core::FlowError;
use flow_core::adapter::App;
use flow_core::edge::RequestContext;
use flow_core::schema::Schema;
use flow_core::wire::{collect, decode, genkit};
use serde_json::Value;

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

impl<S: Sync> FromRequestParts<S> for Ctx {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let ctx = parts.extensions.get::<RequestContext>().cloned();
        ctx.map(Self).ok_or_else(|| FlowError::internal("the route is outside the edge").into())
    }
}

impl<T: Schema> FromRequest<App> for Input<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &App) -> Result<Self, Fault> {
        let (parts, body) = read(request, app).await?;
        Ok(Self(decode(parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes), &body)?))
    }
}

impl FromRequest<App> for Envelope {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &App) -> Result<Self, Fault> {
        let (parts, body) = read(request, app).await?;
        let header = |name| parts.headers.get(name).map(HeaderValue::as_bytes);
        let data = genkit::open_envelope(header(CONTENT_TYPE), &body)?;
        Ok(Self { data, stream: genkit::wants_stream(header(ACCEPT), parts.uri.query()) })
    }
}

/// Reads the body within the limit.
async fn read(request: Request, app: &App) -> Result<(Parts, Bytes), FlowError> {
    let (parts, body) = request.into_parts();
    let body = collect(body.into_data_stream(), app.edge.max_body_size()).await?;
    Ok((parts, body))
}
