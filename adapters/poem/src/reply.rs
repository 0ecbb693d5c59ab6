//! Responses: what a handler returns, and how the framework sends it. The bytes are the edge's.

use flow_edge::wire::answer;
use flow_edge::{Answer, Chunk, EventStream, FlowError, FlowStream, RequestContext, Schema};
use http_body::Body as _;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use poem::error::ResponseError;
use poem::http::StatusCode;
use poem::http::header::CONTENT_LENGTH;
use poem::{IntoResponse, Response};
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
/// dialect and the request id.
impl ResponseError for ErrorReply {
    fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl<T: Schema> IntoResponse for Output<T> {
    fn into_response(self) -> Response {
        Raw(answer::json(&self.0)).into_response()
    }
}

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        Raw(self.0.into_answer()).into_response()
    }
}

impl IntoResponse for Raw {
    fn into_response(self) -> Response {
        let (mut parts, body) = self.0.into_parts();
        // The edge would count, but the framework takes the body of an answer to HEAD away before.
        if let Some(length) = body.size_hint().exact() {
            parts.headers.insert(CONTENT_LENGTH, length.into());
        }
        let mut response = Response::from(parts.status);
        *response.headers_mut() = parts.headers;
        // The framework's own conversion would forget the length.
        response.set_body(BoxBody::new(body.map_err(|never| match never {})));
        response
    }
}
