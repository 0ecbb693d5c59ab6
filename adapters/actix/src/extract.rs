//! The typed way in: actix-web extractors over core's decoding.

use std::future::{Future, Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::{Bytes, ThinData};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use flow_core::FlowError;
use flow_core::adapter::App;
use flow_core::edge::RequestContext;
use flow_core::schema::Schema;
use flow_core::wire::{collect, decode, genkit};
use futures_util::future::LocalBoxFuture;
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

impl FromRequest for Ctx {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let ctx = request.extensions().get::<RequestContext>().cloned();
        ready(ctx.map(Self).ok_or_else(|| outside_the_edge().into()))
    }
}

impl<T: Schema> FromRequest for Input<T> {
    type Error = Fault;
    type Future = LocalBoxFuture<'static, Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), read(request, payload));
        Box::pin(async move { Ok(Self(decode(header(&request, &CONTENT_TYPE), &body.await?)?)) })
    }
}

impl FromRequest for Envelope {
    type Error = Fault;
    type Future = LocalBoxFuture<'static, Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), read(request, payload));
        Box::pin(async move {
            let data = genkit::open_envelope(header(&request, &CONTENT_TYPE), &body.await?)?;
            let stream = genkit::wants_stream(header(&request, &ACCEPT), request.uri().query());
            Ok(Self { data, stream })
        })
    }
}

/// Reads the body within the limit. The framework's own limits are in its own extractors.
fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes, FlowError>> + use<> {
    let limit = request.app_data::<ThinData<App>>().map(|app| app.edge.max_body_size());
    let payload = payload.take();
    async move { collect(payload, limit.ok_or_else(outside_the_edge)?).await }
}

fn header<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a [u8]> {
    request.headers().get(name).map(HeaderValue::as_bytes)
}

fn outside_the_edge() -> FlowError {
    FlowError::internal("the route is outside the edge")
}
