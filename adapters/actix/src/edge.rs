//! The edge as middleware of the framework.

use std::rc::Rc;
use std::sync::Arc;

use actix_http::ConnectionType;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse};
use flow_edge::edge::{Call, Entry, Outgoing};
use flow_edge::{Edge, FlowError, Head};
use hyper::header::CONNECTION;
use hyper::{Method, StatusCode};

use crate::convert::{Fixed, ResponseBody, new_headers, new_uri, new_version};
use crate::reply::{ErrorReply, Headers, Raw};

/// Runs the edge's checks, the handler, and `Call::leave`.
pub(crate) async fn pass(
    edge: Arc<Edge>,
    fixed: Rc<Fixed>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let (uri, sent) = (new_uri(request.uri()), new_headers(request.headers()));
    let method = Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or_default();
    let peer = request.peer_addr().map(|it| it.ip());
    let head = Head::new(&method, &uri, new_version(request.version()), &sent, peer);
    let call = match edge.enter(head).await {
        Entry::Passed(call) => call,
        Entry::Refused(call, answer) => {
            return Ok(request.into_response(leave(call, &fixed, Raw(answer).into()).await));
        }
    };
    request.extensions_mut().insert(call.ctx.clone());
    match call.run(next.call(request)).await {
        Ok(Ok(answer)) => {
            let (request, response) = answer.into_parts();
            let response = match response.error() {
                Some(error) => fail(&call, error),
                None => response.map_into_boxed_body(),
            };
            Ok(ServiceResponse::new(request, leave(call, &fixed, response).await))
        }
        Ok(Err(error)) => {
            let response = fail(&call, &error);
            Err(ended(leave(call, &fixed, response).await))
        }
        Err(error) => {
            let response = Raw(call.fail(&error)).into();
            Err(ended(leave(call, &fixed, response).await))
        }
    }
}

async fn leave(call: Call, fixed: &Fixed, response: HttpResponse) -> HttpResponse {
    let (mut response, body) = response.into_parts();
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or_default();
    let own = response.extensions_mut().remove::<Headers>();
    let mut completed = match own {
        // Answers of ours, most of all: there is nothing to convert.
        Some(Headers(own)) if response.headers().is_empty() => own,
        own => {
            let mut headers = new_headers(response.headers());
            headers.extend(own.map(|it| it.0).unwrap_or_default());
            headers
        }
    };
    let body = match call.leave(status, &mut completed, ResponseBody(body)).await {
        Outgoing::Whole(bytes) => BoxBody::new(bytes),
        // The framework leaves a body out where there must be none.
        Outgoing::Same(body) | Outgoing::Head(body) => body.0,
    };
    fixed.write(&completed, response.headers_mut());
    // The framework's own listener goes by this and not by the header.
    if completed.get(CONNECTION).is_some_and(|it| it == "close") {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    response.set_body(body)
}

fn fail(call: &Call, error: &Error) -> HttpResponse {
    match error.as_error::<ErrorReply>() {
        Some(ErrorReply(error)) => Raw(call.fail(error)).into(),
        None => Raw(call.fail(&FlowError::internal(error.to_string()))).into(),
    }
}

/// The answer to a request that its handler has taken along: the framework can only be given an error then.
fn ended(response: HttpResponse) -> Error {
    InternalError::from_response("the handler was ended", response).into()
}
