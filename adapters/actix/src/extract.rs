//! The typed way in: actix-web extractors over the edge's decoding.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use flow_edge::{Envelope, FlowError, RequestContext, Schema, wire};
use futures_util::future::LocalBoxFuture;

use crate::reply::Fault;

/// What a flow may know of the request it answers.
pub struct Ctx(pub RequestContext);

/// A flow's input, validated.
pub struct Input<T>(pub T);

/// The call of a flow by name.
pub struct Named(pub Envelope);

impl FromRequest for Ctx {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(ctx(request).map(Self))
    }
}

impl<T: Schema> FromRequest for Input<T> {
    type Error = Fault;
    type Future = LocalBoxFuture<'static, Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), payload.take());
        Box::pin(
            async move { Ok(Self(wire::read(&ctx(&request)?, header(&request, CONTENT_TYPE), body).await?)) },
        )
    }
}

impl FromRequest for Named {
    type Error = Fault;
    type Future = LocalBoxFuture<'static, Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), payload.take());
        Box::pin(async move {
            let (content_type, accept) = (header(&request, CONTENT_TYPE), header(&request, ACCEPT));
            let query = request.uri().query();
            Ok(Self(Envelope::read(&ctx(&request)?, content_type, accept, query, body).await?))
        })
    }
}

fn ctx(request: &HttpRequest) -> Result<RequestContext, Fault> {
    let ctx = request.extensions().get::<RequestContext>().cloned();
    ctx.ok_or_else(|| FlowError::internal("the route is outside the edge").into())
}

fn header(request: &HttpRequest, name: HeaderName) -> Option<&[u8]> {
    request.headers().get(name).map(HeaderValue::as_bytes)
}
