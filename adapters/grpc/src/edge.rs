//! Core's edge rules as a tower layer around the services.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use flow_core::FlowError;
use flow_core::adapter::{App, Encrypted};
use flow_core::edge::{Call, Edge, Head, Header};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::body::Followed;
use crate::extract::Ctx;
use crate::reply::{status, with_reason};
use crate::routes::{is_probe, is_stream};
use crate::timeout;

/// Headers of browsers' calls that pages elsewhere may send and read, beyond those of REST.
const WEB_REQUEST_HEADERS: &str = ",X-Grpc-Web,X-User-Agent,Grpc-Timeout,Grpc-Accept-Encoding";
const WEB_ANSWER_HEADERS: &str = ",Grpc-Status,Grpc-Message,Grpc-Status-Details-Bin";

/// Which of the two protocols a call came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    GrpcWeb,
}

/// Puts services behind the edge.
#[derive(Clone)]
pub(crate) struct EdgeLayer {
    edge: Arc<Edge>,
    fixed: Arc<[(HeaderName, HeaderValue)]>,
}

/// Services behind the edge.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    layer: EdgeLayer,
    services: S,
}

impl EdgeLayer {
    pub(crate) fn new(app: &App) -> Self {
        let fixed = app.edge.fixed_headers().iter().filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_maybe_shared(value.clone()).ok()?))
        });
        Self { edge: app.edge.clone(), fixed: fixed.collect() }
    }

    /// Answers what is no call, in HTTP: a preflight, another method, another content type.
    pub(crate) fn refuse<B>(
        &self,
        request: &Request<B>,
        fault: FlowError,
    ) -> impl Future<Output = Response<Body>> + use<B> {
        let layer = self.clone();
        let mut call = head(request, |head| Call::open(&layer.edge, head));
        let is_head = request.method() == Method::HEAD;
        async move {
            let reply = call.refusal().await.unwrap_or_else(|| call.fail(&fault));
            let mut response = Response::new(if is_head || reply.body.is_empty() {
                Body::empty()
            } else {
                Body::new(http_body_util::Full::new(reply.body))
            });
            *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
            if let Some(content_type) = reply.content_type {
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
            let headers = reply.headers.into_iter().chain(call.close(reply.status));
            layer.set_headers(&mut response, headers, Protocol::GrpcWeb);
            response
        }
    }

    /// The headers of answers: all of REST's for browsers, and for programs those that tell them something.
    fn set_headers(
        &self,
        response: &mut Response<Body>,
        own: impl IntoIterator<Item = Header>,
        protocol: Protocol,
    ) {
        for (name, value) in &*self.fixed {
            if protocol == Protocol::GrpcWeb || name == "x-model" {
                response.headers_mut().insert(name, value.clone());
            }
        }
        for (name, mut value) in own {
            match name {
                "access-control-allow-headers" => value = and(&value, WEB_REQUEST_HEADERS),
                "access-control-expose-headers" => value = and(&value, WEB_ANSWER_HEADERS),
                // Core knows REST's paths; here all are called by POST.
                "allow" => value = Bytes::from_static(b"POST"),
                _ => {}
            }
            if let Ok(value) = HeaderValue::from_maybe_shared(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
    }
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Guarded<S>;

    fn layer(&self, services: S) -> Guarded<S> {
        Guarded { layer: self.clone(), services }
    }
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.services.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { layer, mut services } = self.clone();
        Box::pin(async move {
            let protocol = request.extensions().get().copied().unwrap_or(Protocol::Grpc);
            let mut call = head(&request, |head| Call::open_rpc(&layer.edge, head, is_probe(head.path)));
            let refused = call.refused().await;
            let (headers, ctx) = (call.headers(), call.ctx.clone());
            let mut response = match refused {
                Some(error) => failed(call, &error),
                None => pass(&layer, &mut services, call, request).await,
            };
            // Only now is it known how the flow came by its answer.
            layer.set_headers(&mut response, headers.into_iter().chain(ctx.cache_header()), protocol);
            Ok(response)
        })
    }
}

async fn pass<S>(
    layer: &EdgeLayer,
    services: &mut S,
    mut call: Call,
    mut request: Request<Body>,
) -> Response<Body>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let deadline = match timeout::parse(request.headers().get("grpc-timeout").map(HeaderValue::as_bytes)) {
        Ok(timeout) => timeout.map(|it| Instant::now() + it),
        Err(error) => {
            call.log(&error);
            return failed(call, &error);
        }
    };
    call.ctx.deadline = deadline.map_or(call.ctx.deadline, |it| it.min(call.ctx.deadline));
    if is_stream(request.uri().path()) {
        request.headers_mut().remove("grpc-accept-encoding");
    }
    request.extensions_mut().insert(Ctx { request: call.ctx.clone(), deadline });
    match call.attempt(services.call(request)).await {
        Ok(Ok(response)) => match response.extensions().get::<Status>() {
            None => response.map(|body| Body::new(Followed::new(body, call))),
            Some(status) => {
                let accepted = status.metadata().get("grpc-accept-encoding").cloned();
                let mut response = with_reason(status, layer.edge.max_body_size(), |error| {
                    call.log(error);
                    failed(call, error)
                });
                if let Some(accepted) = accepted.and_then(|it| HeaderValue::from_bytes(it.as_bytes()).ok()) {
                    response.headers_mut().insert("grpc-accept-encoding", accepted);
                }
                response
            }
        },
        Err(error) => {
            call.log(&error);
            failed(call, &error)
        }
    }
}

fn and(list: &[u8], more: &str) -> Bytes {
    [list, more.as_bytes()].concat().into()
}

/// The answer to a failed call, which is its status alone.
fn failed(call: Call, error: &FlowError) -> Response<Body> {
    let status = status(error, &call.ctx.request_id);
    call.close_rpc(status.code().into());
    status.into_http()
}

/// A request's head as core sees it.
fn head<B, R>(request: &Request<B>, with: impl FnOnce(&Head<'_>) -> R) -> R {
    let headers = request.headers();
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    with(&Head {
        method: request.method().as_str(),
        path: request.uri().path(),
        header: &|name| headers.get(name).map(HeaderValue::as_bytes),
        all: &|name, each| headers.get_all(name).iter().for_each(|it| each(it.as_bytes())),
        authority,
        peer: request.extensions().get().map(SocketAddr::ip),
        version: request.version(),
        https: request.extensions().get::<Encrypted>().is_some(),
    })
}
