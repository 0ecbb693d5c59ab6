//! Core's edge rules as axum middleware.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONNECTION, HOST};
use axum::http::{HeaderName, HeaderValue, Version};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use flow_core::FlowError;
use flow_core::adapter::App;
use flow_core::edge::{Call, Edge, Head};

use crate::reply::{Raw, set};

/// Puts every route, and the answer where there is none, behind the edge.
pub(crate) fn wrap(router: Router<App>, edge: &Arc<Edge>) -> Router<App> {
    let fixed = edge.fixed_headers().iter().filter_map(|(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
    });
    let state = Bound { edge: edge.clone(), fixed: fixed.collect() };
    router.layer(from_fn_with_state(state, pass))
}

/// The edge with its fixed headers in axum's types.
#[derive(Clone)]
struct Bound {
    edge: Arc<Edge>,
    fixed: Arc<[(HeaderName, HeaderValue)]>,
}

async fn pass(State(bound): State<Bound>, mut request: Request, next: Next) -> Response {
    let mut call = open(&bound.edge, &request);
    let mut response = match call.refusal() {
        Some(refusal) => Raw(refusal).into_response(),
        None => {
            request.extensions_mut().insert(call.ctx.clone());
            match call.run(next.run(request)).await {
                Ok(response) => match response.extensions().get::<Arc<FlowError>>() {
                    Some(error) => Raw(call.fail(error)).into_response(),
                    None => response,
                },
                Err(reply) => Raw(reply).into_response(),
            }
        }
    };
    if !call.ctx.http1 {
        response.headers_mut().remove(CONNECTION);
    }
    for (name, value) in &*bound.fixed {
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    for (name, value) in call.close(response.status().as_u16()) {
        set(&mut response, name, &value);
    }
    response
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
            host: headers.get(HOST).and_then(|it| it.to_str().ok()).or(authority),
            peer: request.extensions().get::<ConnectInfo<SocketAddr>>().map(|it| it.0.ip()),
            http1: request.version() < Version::HTTP_2,
        },
    )
}
