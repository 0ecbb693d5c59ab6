//! The server: one accept loop, hyper on each connection, one reply to each request.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{Stream, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

use crate::builder::Builder;
use crate::faults::{Fault, UPSTREAM_BODY_MARKER};
use crate::record::{Guard, Record};
use crate::render::{Plan, Step, plan};
use crate::reply::{Pause, Reply};
use crate::request::{Call, Request, param};
use crate::script::Script;
use crate::validate;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Builder,
    pub(crate) script: Script,
    pub(crate) record: Arc<Record>,
}

pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(1024)
}

pub(crate) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((socket, _)) = listener.accept() => {
                socket.set_nodelay(true).ok();
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request| handle(request, Arc::clone(&shared)));
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(socket), service);
                // Its errors are the cuts that scripts ask for and clients that left.
                connections.spawn(async { drop(connection.await) });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

type Body = StreamBody<Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Cut>> + Send>>>;

/// Makes hyper close the connection without ending the body.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut by the script")
    }
}

impl std::error::Error for Cut {}

async fn handle(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, hyper::Error> {
    let received_at = Instant::now();
    let (head, body) = request.into_parts();
    let bytes = body.collect().await?.to_bytes();
    // From here on the guard watches: hyper drops this future, or the body below, when the client leaves.
    let (request, guard) = record(&head, bytes, received_at, &shared.record);
    let reply = choose(&request, &shared);
    let Plan { status, headers, before, steps } = plan(reply, &request, shared.settings.chunk_delay);
    for pause in before {
        match pause {
            Pause::For(delay) => wait(delay).await,
            Pause::Until(gate) => gate.passed().await,
            Pause::Forever => std::future::pending().await,
        }
    }
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    let frames = stream::unfold((steps, guard), |(mut steps, guard)| async move {
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Send(bytes) => {
                    // A client may leave as soon as it has all that matters, so the last bytes are the end.
                    if !steps.iter().any(|step| !matches!(step, Step::Flush)) {
                        guard.finish();
                    }
                    return Some((Ok(Frame::data(bytes)), (steps, guard)));
                }
                Step::Flush => tokio::task::yield_now().await,
                Step::Wait(delay) => wait(delay).await,
                Step::Hold(gate) => gate.passed().await,
                Step::Hang => std::future::pending().await,
                Step::Cut => {
                    guard.finish();
                    return Some((Err(Cut), (steps, guard)));
                }
            }
        }
        guard.finish();
        None
    });
    let body: Body = StreamBody::new(Box::pin(frames));
    Ok(response.body(body).expect("the script's headers are valid"))
}

async fn wait(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

fn record(head: &Parts, bytes: Bytes, received_at: Instant, record: &Arc<Record>) -> (Request, Guard) {
    let query = head.uri.query().unwrap_or_default();
    let (life, guard) = record.begin(received_at);
    let request = record.push(Request {
        index: 0,
        method: head.method.clone(),
        path: head.uri.path().into(),
        query: query.into(),
        headers: Arc::new(head.headers.clone()),
        body: Arc::new(serde_json::from_slice(&bytes).unwrap_or(Value::Null)),
        bytes,
        call: call(&head.method, head.uri.path(), query),
        received_at,
        life,
    });
    (request, guard)
}

/// `POST …/models/{model}:{method}`, under any version or, as on Vertex AI, any parent.
fn call(method: &Method, path: &str, query: &str) -> Option<Call> {
    let (_, called) = path.rsplit_once("/models/").filter(|_| method == Method::POST)?;
    let (model, method) = called.rsplit_once(':')?;
    let stream = match method {
        "generateContent" => false,
        "streamGenerateContent" => true,
        _ => return None,
    };
    Some(Call { model: model.into(), stream, sse: param(query, "alt") == Some("sse") })
}

fn choose(request: &Request, shared: &Shared) -> Reply {
    let Builder { key, models, lenient, .. } = &shared.settings;
    if let Some(fault) = key.as_deref().and_then(|key| refused(request, key)) {
        return fault.into();
    }
    let Some(call) = &request.call else {
        return elsewhere(request, models.as_deref());
    };
    if models.as_ref().is_some_and(|models| !models.iter().any(|model| **model == *call.model)) {
        return Fault::model_not_found(&call.model).into();
    }
    if !lenient && let Err(fault) = validate::check(request) {
        return fault.into();
    }
    shared.script.pick(request)
}

fn refused(request: &Request, key: &str) -> Option<Fault> {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    match (request.header("x-goog-api-key").or_else(|| request.query_param("key")), bearer) {
        (Some(given), _) if given == key => None,
        (None, Some(token)) if token == key => None,
        (Some(_), _) => Some(Fault::api_key_invalid()),
        (None, Some(_)) => Some(Fault::unauthenticated()),
        (None, None) => Some(Fault::unregistered_caller()),
    }
}

/// The list of models, or the page Google shows for a path it does not have.
fn elsewhere(request: &Request, models: Option<&[String]>) -> Reply {
    if request.method == Method::GET && request.path.ends_with("/models") {
        let named = |model: &String| {
            json!({
                "name": format!("models/{model}"),
                "displayName": model,
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            })
        };
        let usual = ["gemini-2.5-flash".to_owned(), "gemini-3-flash-preview".to_owned()];
        let models: Vec<Value> = models.unwrap_or(&usual).iter().map(named).collect();
        return Reply::raw(200, "application/json; charset=UTF-8", json!({ "models": models }).to_string());
    }
    let page =
        format!("<!DOCTYPE html><title>Error 404 (Not Found)!!1</title><p>{UPSTREAM_BODY_MARKER}</p>\n");
    Reply::raw(404, "text/html; charset=UTF-8", page)
}
