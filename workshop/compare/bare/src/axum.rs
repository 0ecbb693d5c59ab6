//! axum.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use futures_util::{Stream, StreamExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::answers::{
    self, HEALTH, JSON, JokeInput, JokeResponse, MAX_BODY, TranslateInput, TranslationResult,
};
use crate::dressed::{Dress, Line, REQUEST_ID, TIMEOUT, fixed_headers};
use crate::relay::{Error, Model};

const FIXED: [(HeaderName, HeaderValue); 7] = fixed_headers!();

pub(crate) async fn serve(
    listener: std::net::TcpListener,
    model: Model,
    dress: Option<Dress>,
) -> std::io::Result<()> {
    let mut app = Router::new()
        .route("/health", get(health))
        .route("/translate", post(translate))
        .route("/tell-joke", post(tell_joke))
        .route("/tell-joke/stream", post(stream_joke))
        .with_state(model);
    let listener = TcpListener::from_std(listener)?.tap_io(|it| {
        let _ = it.set_nodelay(true);
    });
    let Some(dress) = dress else { return axum::serve(listener, app).await };
    app = app.layer(DefaultBodyLimit::max(MAX_BODY)).layer(from_fn_with_state(Arc::new(dress), dressed));
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
}

async fn health() -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static(JSON))], HEALTH)
}

async fn translate(Json(input): Json<TranslateInput>) -> Json<TranslationResult> {
    Json(answers::translate(input))
}

async fn tell_joke(
    State(model): State<Model>,
    Json(input): Json<JokeInput>,
) -> Result<Json<JokeResponse>, Error> {
    Ok(Json(model.tell_joke(input).await?))
}

async fn stream_joke(
    State(model): State<Model>,
    Json(input): Json<JokeInput>,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, Error> {
    let events = model.stream_joke(input).await?;
    Ok(Sse::new(events.map(|event| Event::default().json_data(event.map_err(axum::Error::new)?))))
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        (StatusCode::BAD_GATEWAY, self.to_string()).into_response()
    }
}

async fn dressed(
    State(dress): State<Arc<Dress>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let line = Line::begin(request.headers().get(REQUEST_ID).map(HeaderValue::as_bytes), peer.ip());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut response = if dress.admits(peer.ip()) {
        let answer = timeout(TIMEOUT, next.run(request)).await;
        answer.unwrap_or_else(|_| StatusCode::GATEWAY_TIMEOUT.into_response())
    } else {
        StatusCode::TOO_MANY_REQUESTS.into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.entry(name).or_insert(value);
    }
    if let Ok(id) = HeaderValue::from_str(&line.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    line.end(method.as_str(), uri.path(), response.status().as_u16());
    response
}
