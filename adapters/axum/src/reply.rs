//! Responses: what a handler returns, and how the framework sends it. The bytes are the edge's.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flow_edge::wire::answer;
use flow_edge::{Answer, Chunk, EventStream, FlowError, FlowStream, RequestContext, Schema};

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
impl IntoResponse for ErrorReply {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self.0);
        response
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
        self.0.map(Body::new)
    }
}
