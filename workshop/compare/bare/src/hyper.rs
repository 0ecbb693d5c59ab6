//! hyper, without a framework: HTTP/1.1 and h2c.

use std::convert::Infallible;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, Either, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;

use crate::answers::{self, EVENTS, HEALTH, JSON, MAX_BODY};
use crate::relay::{Error, Model, frame};

type Frames = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Error>> + Send>>;
type Body = Either<Full<Bytes>, StreamBody<Frames>>;

pub(crate) async fn serve(listener: std::net::TcpListener, model: Model) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let builder = Builder::new(TokioExecutor::new());
    loop {
        // One that its client has given up already is no reason to end.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let (builder, model) = (builder.clone(), model.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let model = model.clone();
                async move { Ok::<_, Infallible>(answer(&model, request).await.unwrap_or_else(refuse)) }
            });
            // A client that leaves is no fault.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(model: &Model, request: Request<Incoming>) -> Result<Response<Body>, StatusCode> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => Ok(typed(JSON, whole(HEALTH))),
        (&Method::POST, "/translate") => json(&answers::translate(read(request).await?)),
        (&Method::POST, "/tell-joke") => json(&model.tell_joke(read(request).await?).await?),
        (&Method::POST, "/tell-joke/stream") => {
            let events = model.stream_joke(read(request).await?).await?;
            let frames: Frames = Box::pin(events.map(|event| frame(&event?).map(Frame::data)));
            let mut response = typed(EVENTS, Either::Right(StreamBody::new(frames)));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            Ok(response)
        }
        _ => Err(StatusCode::NOT_FOUND),
    }
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, StatusCode> {
    if request.headers().get(CONTENT_TYPE).is_none_or(|it| !it.as_bytes().starts_with(JSON.as_bytes())) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?.to_bytes();
    serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)
}

fn json(value: &impl Serialize) -> Result<Response<Body>, StatusCode> {
    let bytes = serde_json::to_vec(value).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(typed(JSON, whole(bytes)))
}

fn whole(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

fn typed(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn refuse(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

impl From<Error> for StatusCode {
    fn from(_: Error) -> Self {
        Self::BAD_GATEWAY
    }
}
