//! The edge as poem middleware.

use std::net::SocketAddr;
use std::sync::Arc;

use flow_edge::edge::{Entry, Outgoing};
use flow_edge::{Edge, FlowError, Head};
use http_body_util::combinators::BoxBody;
use poem::error::{MethodNotAllowedError, NotFoundError};
use poem::{Body, Endpoint, Error, IntoResponse, Request, Response, Result};

use crate::reply::{Fault, Raw};

/// Takes a request in, runs its handler, and takes the answer out.
pub async fn pass<E>(edge: Arc<Edge>, mut request: Request, next: Arc<E>) -> Result<Response>
where
    E: Endpoint<Output = Response>,
{
    let peer = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
    let head = Head {
        method: request.method(),
        uri: request.uri(),
        version: request.version(),
        headers: request.headers(),
        peer,
        encrypted: false,
    };
    let (call, response) = match edge.enter(head).await {
        Entry::Refused(call, answer) => (call, Raw(answer).into_response()),
        Entry::Passed(call) => {
            request.set_data(call.ctx.clone());
            // The future of all routes is large; boxed, it is not copied on its way through `run`.
            let response = match call.run(Box::pin(next.call(request))).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => Raw(call.fail(&cause(error))).into_response(),
                Err(error) => Raw(call.fail(&error)).into_response(),
            };
            (call, response)
        }
    };
    let (mut parts, body) = response.into_parts();
    let body = match call.leave(parts.status, &mut parts.headers, BoxBody::from(body)).await {
        Outgoing::Whole(bytes) => Body::from(bytes),
        Outgoing::Same(body) => Body::from(body),
        // Over HTTP/2 hyper sends an answer's body even to HEAD.
        Outgoing::Head(_) => Body::empty(),
    };
    Ok(Response::from_parts(parts, body))
}

/// What a handler, an extractor or the router itself failed with.
fn cause(error: Error) -> FlowError {
    if error.is::<NotFoundError>() {
        return FlowError::no_route();
    }
    if error.is::<MethodNotAllowedError>() {
        return FlowError::no_such_method();
    }
    match error.downcast::<Fault>() {
        Ok(Fault(error)) => error,
        Err(other) => FlowError::internal(other),
    }
}
