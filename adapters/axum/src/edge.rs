//! Core's edge rules as axum middleware.

use std::sync::Arc;

use axum::Router;
use axum::body::{HttpBody, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use flow_core::FlowError;
use flow_core::edge::{Call, Edge, Head};
use tower_layer::Layer;

use crate::reply::{Raw, set};
use crate::serve::Peer;

/// Puts every route, and the answer where there is none, behind the edge.
///
/// The edge goes around the whole router, not into it with `Router::layer`: there, axum would still add an
/// `Allow` header to what the edge answered.
pub(crate) fn wrap(router: Router, edge: &Arc<Edge>) -> Router {
    let fixed = edge.fixed_headers().iter().filter_map(|(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::from_maybe_shared(value.clone()).ok()?))
    });
    let state = Bound { edge: edge.clone(), fixed: fixed.collect() };
    Router::new().fallback_service(from_fn_with_state(state, pass).layer(router))
}

/// The edge with its fixed headers in axum's types.
#[derive(Clone)]
struct Bound {
    edge: Arc<Edge>,
    fixed: Arc<[(HeaderName, HeaderValue)]>,
}

async fn pass(State(bound): State<Bound>, mut request: Request, next: Next) -> Response {
    let mut call = open(&bound.edge, &request);
    let head = request.method() == Method::HEAD;
    let mut response = if let Some(refusal) = call.refusal().await {
        Raw(refusal).into_response()
    } else {
        request.extensions_mut().insert(call.ctx.clone());
        match call.run(next.run(request)).await {
            Ok(response) => match response.extensions().get::<Arc<FlowError>>() {
                Some(error) => Raw(call.fail(error)).into_response(),
                None => response,
            },
            Err(reply) => Raw(reply).into_response(),
        }
    };
    response = compress(&mut call, response).await;
    if head {
        // Over HTTP/2 hyper sends an answer's body even to HEAD.
        let length = std::mem::take(response.body_mut()).size_hint().exact();
        if let Some(length) = length {
            response.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
        }
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
    response
}

/// Compresses a body that is worth it. It is whole and in memory already, since it has a size.
async fn compress(call: &mut Call, response: Response) -> Response {
    let content_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if !call.compresses(content_type, response.body().size_hint().exact()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    match Call::gzip(&body) {
        Some(body) => {
            parts.headers.remove(CONTENT_LENGTH);
            parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Response::from_parts(parts, body.into())
        }
        None => Response::from_parts(parts, body.into()),
    }
}

fn open(edge: &Arc<Edge>, request: &Request) -> Call {
    let headers = request.headers();
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    Call::open(
        edge,
        &Head {
            method: request.method().as_str(),
            path: request.uri().path(),
            header: &|name| headers.get(name).map(HeaderValue::as_bytes),
            all: &|name, each| headers.get_all(name).iter().for_each(|it| each(it.as_bytes())),
            authority,
            peer: request.extensions().get::<ConnectInfo<Peer>>().map(|it| it.0.0.ip()),
            version: request.version(),
            https: false,
        },
    )
}
