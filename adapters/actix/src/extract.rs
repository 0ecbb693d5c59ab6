//! Extractors: a handler's arguments, made by the edge's decoding.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use flow_edge::{Envelope, FlowError, RequestContext, Schema, wire};
use futures_util::future::LocalBoxFuture;

use crate::reply::ErrorReply;

/// What a flow may know of the request it answers.
pub struct Ctx(pub RequestContext);

/// A flow's input, validated.
pub struct Input<T>(pub T);

/// The call of a flow by name.
pub struct Named(pub Envelope);

impl FromRequest for Ctx {
    type Error = ErrorReply;
    type Future = Ready<Result<Self, ErrorReply>>;

    fn from_request(head: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(ctx(head).map(Self))
    }
}

impl<T: Schema> FromRequest for Input<T> {
    type Error = ErrorReply;
    type Future = LocalBoxFuture<'static, Result<Self, ErrorReply>>;

    fn from_request(head: &HttpRequest, body: &mut Payload) -> Self::Future {
        let (head, body) = (head.clone(), body.take());
        Box::pin(async move {
            let content_type = header(&head, CONTENT_TYPE);
            Ok(Self(wire::read(&ctx(&head)?, content_type, body).await?))
        })
    }
}

impl FromRequest for Named {
    type Error = ErrorReply;
    type Future = LocalBoxFuture<'static, Result<Self, ErrorReply>>;

    fn from_request(head: &HttpRequest, body: &mut Payload) -> Self::Future {
        let (head, body) = (head.clone(), body.take());
        Box::pin(async move {
            let accept = header(&head, ACCEPT);
            let query = head.uri().query();
            Ok(Self(Envelope::read(&ctx(&head)?, accept, query, body).await?))
        })
    }
}

fn ctx(head: &HttpRequest) -> Result<RequestContext, ErrorReply> {
    let ctx = head.extensions().get::<RequestContext>().cloned();
    ctx.ok_or_else(|| FlowError::internal("the route is outside the edge").into())
}

fn header(head: &HttpRequest, name: HeaderName) -> Option<&[u8]> {
    head.headers().get(name).map(HeaderValue::as_bytes)
}
