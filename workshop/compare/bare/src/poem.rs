//! poem.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures_util::StreamExt;
use poem::error::ResponseError;
use poem::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use poem::http::uri::Scheme;
use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem::listener::{Acceptor, TcpAcceptor};
use poem::web::{Data, Json, LocalAddr, RemoteAddr};
use poem::{Body, Endpoint, EndpointExt, IntoResponse, Request, Response, Route, Server, get, handler, post};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answers::{self, EVENTS, HEALTH, JSON, JokeInput, MAX_BODY, TranslateInput};
use crate::dressed::{Dress, Line, REQUEST_ID, TIMEOUT, fixed_headers};
use crate::relay::{Error, Model, frame};

const FIXED: [(HeaderName, HeaderValue); 7] = fixed_headers!();

pub(crate) async fn serve(
    listener: std::net::TcpListener,
    model: Model,
    dress: Option<Dress>,
) -> io::Result<()> {
    let app = Route::new()
        .at("/health", get(health))
        .at("/translate", post(translate))
        .at("/tell-joke", post(tell_joke))
        .at("/tell-joke/stream", post(stream_joke))
        .data(model);
    let server = Server::new_with_acceptor(NoDelay(TcpAcceptor::from_std(listener)?));
    let Some(dress) = dress else { return server.run(app).await };
    let dress = Arc::new(dress);
    server.run(app.around(move |next, request| dressed(dress.clone(), next, request))).await
}

/// poem's own acceptor leaves Nagle's algorithm on, with which a stream waits for its reader's acknowledgements.
struct NoDelay(TcpAcceptor);

impl Acceptor for NoDelay {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.0.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(TcpStream, LocalAddr, RemoteAddr, Scheme)> {
        let accepted = self.0.accept().await?;
        let _ = accepted.0.set_nodelay(true);
        Ok(accepted)
    }
}

/// poem's `Json` would add a charset.
struct Plain<T>(T);

impl<T: Serialize + Send> IntoResponse for Plain<T> {
    fn into_response(self) -> Response {
        match Body::from_json(self.0) {
            Ok(body) => typed(JSON, body),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

fn typed(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::from(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[handler]
fn health() -> Response {
    typed(JSON, HEALTH)
}

#[handler]
fn translate(Json(input): Json<TranslateInput>) -> impl IntoResponse {
    Plain(answers::translate(input))
}

#[handler]
async fn tell_joke(model: Data<&Model>, Json(input): Json<JokeInput>) -> poem::Result<impl IntoResponse> {
    Ok(Plain(model.tell_joke(input).await?))
}

/// By a stream of bytes: poem's `SSE` turns one into a reader and back.
#[handler]
async fn stream_joke(model: Data<&Model>, Json(input): Json<JokeInput>) -> poem::Result<Response> {
    let events = model.stream_joke(input).await?;
    let frames = events.map(|event| event.and_then(|it| frame(&it)).map_err(io::Error::other));
    let mut response = typed(EVENTS, Body::from_bytes_stream(frames));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

impl ResponseError for Error {
    fn status(&self) -> StatusCode {
        StatusCode::BAD_GATEWAY
    }
}

async fn dressed<E: Endpoint>(dress: Arc<Dress>, next: Arc<E>, request: Request) -> poem::Result<Response> {
    let client = request.remote_addr().as_socket_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), SocketAddr::ip);
    let line = Line::begin(request.headers().get(REQUEST_ID).map(HeaderValue::as_bytes), client);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut response = respond(&dress, client, &*next, request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.entry(name).or_insert(value);
    }
    if let Ok(id) = HeaderValue::from_str(&line.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    line.end(method.as_str(), uri.path(), response.status().as_u16());
    Ok(response)
}

async fn respond<E: Endpoint>(dress: &Dress, client: IpAddr, next: &E, request: Request) -> Response {
    if !dress.admits(client) {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    // poem's own `SizeLimit` refuses whatever has no length, and so each GET.
    if request.headers().get("content-length").is_some_and(is_too_large) {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    match timeout(TIMEOUT, next.get_response(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::GATEWAY_TIMEOUT.into_response(),
    }
}

fn is_too_large(length: &HeaderValue) -> bool {
    length.to_str().ok().and_then(|it| it.parse().ok()).is_none_or(|it: usize| it > MAX_BODY)
}
