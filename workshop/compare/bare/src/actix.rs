//! actix-web.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data, Json, JsonConfig, PayloadConfig, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer, ResponseError};
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::answers::{
    self, EVENTS, HEALTH, JSON, JokeInput, JokeResponse, MAX_BODY, TranslateInput, TranslationResult,
};
use crate::dressed::{Dress, Line, REQUEST_ID, TIMEOUT, fixed_headers};
use crate::relay::{Error, Model, frame};

const FIXED: [(HeaderName, HeaderValue); 7] = fixed_headers!();

pub(crate) fn serve(listener: TcpListener, model: Model, dress: Option<Dress>) -> std::io::Result<()> {
    let model = Data::new(model);
    let routes = move |config: &mut ServiceConfig| {
        config
            .app_data(model.clone())
            .route("/health", web::get().to(health))
            .route("/translate", web::post().to(translate))
            .route("/tell-joke", web::post().to(tell_joke))
            .route("/tell-joke/stream", web::post().to(stream_joke));
    };
    actix_web::rt::System::new().block_on(async move {
        let Some(dress) = dress else {
            let server = HttpServer::new(move || App::new().configure(routes.clone()));
            return server.workers(1).tcp_nodelay(true).listen(listener)?.run().await;
        };
        let dress = Data::from(Arc::new(dress));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(dress.clone())
                .app_data(JsonConfig::default().limit(MAX_BODY))
                .app_data(PayloadConfig::new(MAX_BODY))
                .wrap(from_fn(dressed))
                .configure(routes.clone())
        });
        server.workers(1).tcp_nodelay(true).listen(listener)?.run().await
    })
}

async fn health() -> HttpResponse {
    HttpResponse::Ok().content_type(HeaderValue::from_static(JSON)).body(HEALTH)
}

async fn translate(input: Json<TranslateInput>) -> Json<TranslationResult> {
    Json(answers::translate(input.into_inner()))
}

async fn tell_joke(model: Data<Model>, input: Json<JokeInput>) -> Result<Json<JokeResponse>, Error> {
    Ok(Json(model.tell_joke(input.into_inner()).await?))
}

async fn stream_joke(model: Data<Model>, input: Json<JokeInput>) -> Result<HttpResponse, Error> {
    let events = model.stream_joke(input.into_inner()).await?;
    let frames = events.map(|event| frame(&event?));
    Ok(HttpResponse::Ok()
        .content_type(HeaderValue::from_static(EVENTS))
        .insert_header(("cache-control", "no-cache"))
        .streaming(frames))
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::BAD_GATEWAY
    }
}

async fn dressed<B: MessageBody + 'static>(
    dress: Data<Dress>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let client = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |it| it.ip());
    let line = Line::begin(request.headers().get(REQUEST_ID).map(HeaderValue::as_bytes), client);
    let mut response = if dress.admits(client) {
        match timeout(TIMEOUT, next.call(request)).await {
            Ok(answer) => answer?.map_into_boxed_body(),
            Err(_) => return Err(actix_web::error::ErrorGatewayTimeout("too late")),
        }
    } else {
        request.into_response(HttpResponse::TooManyRequests())
    };
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    if let Ok(id) = HeaderValue::from_str(&line.request_id) {
        headers.insert(HeaderName::from_static(REQUEST_ID), id);
    }
    let request = response.request();
    line.end(request.method().as_str(), request.path(), response.status().as_u16());
    Ok(response)
}
