//! The edge as middleware of the framework.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flow_edge::edge::{Entry, Outgoing, lend};
use flow_edge::{Edge, FlowError, Head};

use crate::listener::Peer;
use crate::reply::Raw;

/// Runs the edge's checks, the handler, and `Call::leave`.
pub(crate) async fn pass(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|it| it.0.0.ip());
    let (body, unread) = lend(std::mem::take(request.body_mut()), request.version(), request.headers());
    let head = Head::new(request.method(), request.uri(), request.version(), request.headers(), peer);
    let (call, response) = match edge.enter(head).await {
        Entry::Refused(call, answer) => {
            // Gives it back to `unread`.
            drop(body);
            (call, Raw(answer).into_response())
        }
        Entry::Passed(call) => {
            request.extensions_mut().insert(call.ctx.clone());
            *request.body_mut() = Body::new(body);
            let outcome = call.run(next.run(request)).await;
            let response = match outcome.and_then(checked) {
                Ok(response) => response,
                Err(error) => Raw(call.fail(&error)).into_response(),
            };
            (call, response)
        }
    };
    let (mut parts, body) = response.into_parts();
    unread.finish(&mut parts.headers).await;
    let body = match call.leave(parts.status, &mut parts.headers, body).await {
        Outgoing::Whole(bytes) => Body::from(bytes),
        Outgoing::Same(body) => body,
        // Over HTTP/2 hyper sends an answer's body even to HEAD.
        Outgoing::Head(_) => Body::empty(),
    };
    Response::from_parts(parts, body)
}

/// What a handler, an extractor or the router itself failed with is in the answer.
fn checked(mut response: Response) -> Result<Response, FlowError> {
    response.extensions_mut().remove().map_or(Ok(response), Err)
}
