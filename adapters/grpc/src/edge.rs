//! The edge as a tower layer around the services.

use std::collections::HashSet;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use flow_edge::edge::{Call, Entry, Outgoing};
use flow_edge::{App, Edge, FlowError, Head};
use flow_listener::Encrypted;
use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::body::LoggedBody;
use crate::extract::Ctx;
use crate::mount::{is_probe, streams};
use crate::reply::{status, with_reason};
use crate::service::Routes;
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
    is_probe: fn(&str) -> bool,
    /// The paths of the procedures that stream.
    streams: Arc<HashSet<String>>,
}

/// Services behind the edge.
#[derive(Clone)]
pub(crate) struct EdgeService<S> {
    layer: EdgeLayer,
    services: S,
}

impl EdgeLayer {
    pub(crate) fn new<R: Routes>(app: &App<R::Flows>) -> Self {
        Self { edge: app.edge.clone(), is_probe: is_probe::<R>, streams: Arc::new(streams::<R>()) }
    }

    /// Answers what is no call, in HTTP: a preflight, another method, another content type.
    pub(crate) async fn refuse<B>(&self, request: Request<B>, fault: FlowError) -> Response<Body> {
        let (parts, _) = request.into_parts();
        let request = Request::from_parts(parts, ());
        let (call, answer) = match self.edge.enter(head(&request)).await {
            Entry::Refused(call, answer) => (call, answer),
            Entry::Passed(call) => {
                let answer = call.fail(&fault);
                (call, answer)
            }
        };
        let (mut parts, body) = answer.into_parts();
        let body = match call.leave(parts.status, &mut parts.headers, body).await {
            Outgoing::Whole(bytes) => Body::new(http_body_util::Full::new(bytes)),
            Outgoing::Same(body) => Body::new(body),
            Outgoing::Head(_) => Body::empty(),
        };
        if parts.headers.contains_key(ALLOW) {
            // The edge knows REST's paths; here all are called by POST.
            parts.headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        for_browsers(&mut parts.headers);
        Response::from_parts(parts, body)
    }
}

impl<S> Layer<S> for EdgeLayer {
    type Service = EdgeService<S>;

    fn layer(&self, services: S) -> EdgeService<S> {
        EdgeService { layer: self.clone(), services }
    }
}

impl<S> Service<Request<Body>> for EdgeService<S>
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
            let for_web = request.extensions().get() == Some(&Protocol::GrpcWeb);
            let is_probe = (layer.is_probe)(request.uri().path());
            let (call, outcome) = match layer.edge.enter_rpc(head(&request), is_probe).await {
                Entry::Refused(call, error) => (call, Err(error)),
                Entry::Passed(mut call) => {
                    let outcome = pass(&layer, &mut services, &mut call, request).await;
                    (call, outcome)
                }
            };
            // Only now is it known where the flow's answer came from.
            let mut headers = HeaderMap::new();
            call.rpc_headers(&mut headers, for_web);
            if for_web {
                for_browsers(&mut headers);
            }
            let mut response = match outcome {
                Ok(response) => answered(&layer, call, response),
                Err(error) => failed(call, &error),
            };
            response.headers_mut().extend(headers);
            Ok(response)
        })
    }
}

/// Runs the call: its deadline is the client's, if that is the sooner one.
async fn pass<S>(
    layer: &EdgeLayer,
    services: &mut S,
    call: &mut Call,
    mut request: Request<Body>,
) -> Result<Response<Body>, FlowError>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let log = |call: &Call, error: FlowError| {
        call.log(&error, "failed");
        error
    };
    let timeout = timeout::parse(request.headers().get("grpc-timeout").map(HeaderValue::as_bytes));
    let deadline = timeout.map_err(|error| log(call, error))?.map(|it| Instant::now() + it);
    call.ctx.deadline = deadline.map_or(call.ctx.deadline, |it| it.min(call.ctx.deadline));
    if layer.streams.contains(request.uri().path()) {
        request.headers_mut().remove("grpc-accept-encoding");
    }
    request.extensions_mut().insert(Ctx { request: call.ctx.clone(), deadline });
    let Ok(response) = call.run(services.call(request)).await.map_err(|error| log(call, error))?;
    Ok(response)
}

/// The services' answer, which may be a failure that only the edge can render.
fn answered(layer: &EdgeLayer, call: Call, response: Response<Body>) -> Response<Body> {
    let Some(status) = response.extensions().get::<Status>() else {
        if is_unknown(response.headers()) {
            let error = FlowError::no_such_procedure();
            call.log(&error, "failed");
            return failed(call, &error);
        }
        return response.map(|body| Body::new(LoggedBody::new(body, call)));
    };
    let accepted = status.metadata().get("grpc-accept-encoding").cloned();
    let mut response = with_reason(status, layer.edge.max_body_size(), |error| {
        call.log(error, "failed");
        failed(call, error)
    });
    if let Some(accepted) = accepted.and_then(|it| HeaderValue::from_bytes(it.as_bytes()).ok()) {
        response.headers_mut().insert("grpc-accept-encoding", accepted);
    }
    response
}

/// Whether a generated service has no such procedure. It says so by the code alone, which is `UNIMPLEMENTED`.
fn is_unknown(headers: &HeaderMap) -> bool {
    headers.get("grpc-status").is_some_and(|it| it == "12") && !headers.contains_key("grpc-message")
}

/// The answer to a failed call, which is its status alone.
fn failed(call: Call, error: &FlowError) -> Response<Body> {
    let status = status(error, &call.ctx);
    call.close_rpc(status.code().into());
    status.into_http()
}

/// Lets pages elsewhere send and read what gRPC-Web needs.
fn for_browsers(headers: &mut HeaderMap) {
    let more = [
        (ACCESS_CONTROL_ALLOW_HEADERS, WEB_REQUEST_HEADERS),
        (ACCESS_CONTROL_EXPOSE_HEADERS, WEB_ANSWER_HEADERS),
    ];
    for (name, more) in more {
        append(headers, &name, more);
    }
}

fn append(headers: &mut HeaderMap, name: &HeaderName, more: &str) {
    let Some(list) = headers.get_mut(name) else { return };
    if let Ok(longer) = HeaderValue::from_bytes(&[list.as_bytes(), more.as_bytes()].concat()) {
        *list = longer;
    }
}

fn head<B>(request: &Request<B>) -> Head<'_> {
    let peer = request.extensions().get().map(SocketAddr::ip);
    let encrypted = request.extensions().get::<Encrypted>().is_some();
    Head { encrypted, ..Head::of(request, peer) }
}
