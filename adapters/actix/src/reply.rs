//! Responses: what a handler returns, and how the framework sends it. The bytes are the edge's.

use std::convert::Infallible;

use actix_web::body::{BodyStream, BoxBody};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use flow_edge::wire::answer;
use flow_edge::{Answer, Body, Chunk, EventStream, FlowError, FlowStream, RequestContext, Schema};
use futures_util::StreamExt;
use thiserror::Error;

/// What a handler of a flow that answers at once returns.
pub type Reply<T> = Result<Output<T>, ErrorReply>;

/// What a handler of a flow that streams returns.
pub type StreamReply = Result<Events, ErrorReply>;

/// A flow's result.
pub struct Output<T>(pub T);

/// A flow's stream. It always ends with a terminal frame.
pub struct Events(EventStream);

/// An answer that the edge has put into bytes.
pub struct Raw(pub Answer);

/// An answer's headers. They travel beside the framework's own until the edge, which converts all of them once.
pub(crate) struct Headers(pub(crate) hyper::HeaderMap);

/// An error, for the edge to render.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct ErrorReply(pub FlowError);

impl Events {
    /// Waits for the first chunk, so that a failure before it has a true status.
    pub async fn start<T, C>(ctx: &RequestContext, flow: FlowStream<T, C>) -> StreamReply
    where
        T: Schema,
        C: Chunk<T>,
    {
        Ok(Self(EventStream::start(ctx, flow).await?))
    }
}

impl From<FlowError> for ErrorReply {
    fn from(error: FlowError) -> Self {
        Self(error)
    }
}

/// A placeholder: `edge::pass` takes the error out and renders it with `Call::fail`, because only the call knows the
/// dialect and the request id. The framework stores the error beside the answer made of it.
impl ResponseError for ErrorReply {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl Responder for ErrorReply {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::from_error(self)
    }
}

impl<T: Schema> Responder for Output<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        Raw(answer::json(&self.0)).into()
    }
}

impl Responder for Events {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        Raw(self.0.into_answer()).into()
    }
}

impl Responder for Raw {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.into()
    }
}

impl From<Raw> for HttpResponse {
    fn from(raw: Raw) -> Self {
        let (parts, body) = raw.0.into_parts();
        let status = StatusCode::from_u16(parts.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = match body {
            Body::Whole(bytes) => BoxBody::new(bytes),
            Body::Events(events) => BoxBody::new(BodyStream::new(events.map(Ok::<_, Infallible>))),
        };
        let mut response = HttpResponse::with_body(status, body);
        response.extensions_mut().insert(Headers(parts.headers));
        response
    }
}
