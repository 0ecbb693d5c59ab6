//! Core's edge rules as poem middleware.

use std::sync::Arc;

use flow_core::FlowError;
use flow_core::adapter::App;
use flow_core::edge::{Call, Edge, Head, method_not_allowed, not_found};
use poem::endpoint::BoxEndpoint;
use poem::error::{MethodNotAllowedError, NotFoundError};
use poem::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use poem::http::{HeaderName, HeaderValue, Method};
use poem::{Endpoint, EndpointExt, Error, IntoResponse, Request, Response, Result, Route};

use crate::reply::{Fault, Raw, set};

/// Puts every route, and the answer where there is none, behind the edge.
pub(crate) fn wrap(router: Route, app: App) -> BoxEndpoint<'static> {
    let fixed = app.edge.fixed_headers().iter().filter_map(|(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::from_maybe_shared(value.clone()).ok()?))
    });
    let state = Bound { edge: app.edge.clone(), fixed: fixed.collect() };
    router.data(app).around(move |next, request| pass(state.clone(), request, next)).boxed()
}

/// The edge with its fixed headers in poem's types.
#[derive(Clone)]
struct Bound {
    edge: Arc<Edge>,
    fixed: Arc<[(HeaderName, HeaderValue)]>,
}

async fn pass<E>(bound: Bound, mut request: Request, next: Arc<E>) -> Result<Response>
where
    E: Endpoint<Output = Response>,
{
    let mut call = open(&bound.edge, &request);
    let head = request.method() == Method::HEAD;
    let mut response = if let Some(refusal) = call.refusal().await {
        Raw(refusal).into_response()
    } else {
        request.set_data(call.ctx.clone());
        match call.run(next.call(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => Raw(call.fail(&cause(error))).into_response(),
            Err(reply) => Raw(reply).into_response(),
        }
    };
    compress(&mut call, &mut response).await;
    if head {
        // Over HTTP/2 hyper sends an answer's body even to HEAD.
        response.set_body(());
    }
    if !call.keeps_alive() {
        response.headers_mut().remove(CONNECTION);
    }
    for (name, value) in &*bound.fixed {
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    for header in call.close(response.status().as_u16()) {
        set(&mut response, header);
    }
    Ok(response)
}

/// Compresses a body that is worth it. It is whole and in memory already, since its length is known.
async fn compress(call: &mut Call, response: &mut Response) {
    let header = |name| response.headers().get(name).map(HeaderValue::as_bytes);
    let length = header(CONTENT_LENGTH).and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
    if !call.compresses(header(CONTENT_TYPE), length) {
        return;
    }
    let body = response.take_body().into_bytes().await.unwrap_or_default();
    match Call::gzip(&body) {
        Some(body) => {
            response.headers_mut().insert(CONTENT_LENGTH, body.len().into());
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response.set_body(body);
        }
        None => response.set_body(body),
    }
}

/// What a handler, an extractor or the router itself failed with.
fn cause(error: Error) -> FlowError {
    if error.is::<NotFoundError>() {
        return not_found();
    }
    if error.is::<MethodNotAllowedError>() {
        return method_not_allowed();
    }
    match error.downcast::<Fault>() {
        Ok(Fault(error)) => error,
        Err(other) => FlowError::internal(other),
    }
}

fn open(edge: &Arc<Edge>, request: &Request) -> Call {
    let headers = request.headers();
    let authority = request.uri().authority().map(poem::http::uri::Authority::as_str);
    Call::open(
        edge,
        &Head {
            method: request.method().as_str(),
            path: request.uri().path(),
            header: &|name| headers.get(name).map(HeaderValue::as_bytes),
            all: &|name, each| headers.get_all(name).iter().for_each(|it| each(it.as_bytes())),
            authority,
            peer: request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip),
            version: request.version(),
            https: false,
        },
    )
}
