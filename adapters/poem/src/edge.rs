//! The edge as middleware of the framework.

use std::sync::Arc;

use flow_edge::edge::{Entry, Outgoing, lend};
use flow_edge::{Edge, FlowError, Head};
use http_body_util::combinators::BoxBody;
use poem::error::{MethodNotAllowedError, NotFoundError};
use poem::{Body, Endpoint, IntoResponse, Request, Response, Result};

use crate::reply::{ErrorReply, Raw};

/// Runs the edge's checks, the handler, and `Call::leave`.
pub(crate) async fn pass<E>(edge: Arc<Edge>, mut request: Request, next: Arc<E>) -> Result<Response>
where
    E: Endpoint<Output = Response>,
{
    let peer = request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip);
    let body = BoxBody::from(request.take_body());
    let (body, unread) = lend(body, request.version(), request.headers());
    let head = Head::new(request.method(), request.uri(), request.version(), request.headers(), peer);
    let (call, response) = match edge.enter(head).await {
        Entry::Refused(call, answer) => {
            // Gives it back to `unread`.
            drop(body);
            (call, Raw(answer).into_response())
        }
        Entry::Passed(call) => {
            request.set_data(call.ctx.clone());
            request.set_body(Body::from(BoxBody::new(body)));
            // The future of all routes is large; boxed, it is not copied on its way through `run`.
            let outcome = call.run(Box::pin(next.call(request))).await;
            let response = match outcome.and_then(checked) {
                Ok(response) => response,
                Err(error) => Raw(call.fail(&error)).into_response(),
            };
            (call, response)
        }
    };
    let (mut parts, body) = response.into_parts();
    unread.finish(&mut parts.headers).await;
    let body = match call.leave(parts.status, &mut parts.headers, BoxBody::from(body)).await {
        Outgoing::Whole(bytes) => Body::from(bytes),
        Outgoing::Same(body) => Body::from(body),
        // Over HTTP/2 hyper sends an answer's body even to HEAD.
        Outgoing::Head(_) => Body::empty(),
    };
    Ok(Response::from_parts(parts, body))
}

/// What a handler, an extractor or the router itself failed with is an error of the framework's.
fn checked(outcome: Result<Response>) -> Result<Response, FlowError> {
    outcome.map_err(|error| match error.downcast::<ErrorReply>() {
        Ok(ErrorReply(error)) => error,
        Err(error) if error.is::<NotFoundError>() => FlowError::no_route(),
        Err(error) if error.is::<MethodNotAllowedError>() => FlowError::no_such_method(),
        Err(error) => FlowError::internal(error),
    })
}
