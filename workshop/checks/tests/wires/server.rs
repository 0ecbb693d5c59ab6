//! A model server that refuses what the real one refuses, and answers all else.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use schema_example::example;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// How one provider's server speaks.
pub(crate) struct Provider {
    /// Why the real server would refuse this request: the body of its 400.
    pub(crate) refuses: fn(&HeaderMap, &Value) -> Option<Value>,
    /// What is asked, in words that all providers share.
    pub(crate) asked: fn(&Value) -> Asked,
    /// The answer, whole.
    pub(crate) whole: fn(&Said) -> Value,
    /// The answer as the events of a stream.
    pub(crate) events: fn(&Said) -> Vec<String>,
}

/// What matters of a request.
pub(crate) struct Asked {
    /// The first tool and the schema of its arguments, where the model may call it.
    pub(crate) tool: Option<(String, Value)>,
    /// The schema of the answer.
    pub(crate) schema: Option<Value>,
    /// Whether the answer is streamed.
    pub(crate) streamed: bool,
}

/// What the model says.
pub(crate) enum Said {
    Call { name: String, input: Value },
    Text(String),
}

/// Runs until it is dropped.
pub(crate) struct Server {
    pub(crate) origin: String,
    log: Arc<Mutex<Log>>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Log {
    asked: Vec<Value>,
    refused: Vec<String>,
}

impl Server {
    pub(crate) async fn start(provider: &'static Provider) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let log: Arc<Mutex<Log>> = Arc::default();
        let app = Router::new().fallback(answer).with_state((provider, log.clone()));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { origin, log, _serving: AbortOnDropHandle::new(serving) }
    }

    /// What was asked, and why some of it was refused, since it was last looked at.
    pub(crate) fn take(&self) -> (Vec<Value>, Vec<String>) {
        let log = std::mem::take(&mut *self.log.lock().unwrap());
        (log.asked, log.refused)
    }
}

async fn answer(
    State((provider, log)): State<(&'static Provider, Arc<Mutex<Log>>)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "no JSON").into_response();
    };
    let refusal = (provider.refuses)(&headers, &body);
    let asked = (provider.asked)(&body);
    {
        let mut log = log.lock().unwrap();
        log.refused.extend(refusal.as_ref().map(|it| format!("{it} to {body}")));
        log.asked.push(body);
    }
    if let Some(refusal) = refusal {
        return (StatusCode::BAD_REQUEST, axum::Json(refusal)).into_response();
    }
    let said = match (asked.tool, asked.schema) {
        (Some((name, schema)), _) => Said::Call { name, input: example(&schema) },
        (None, Some(schema)) => Said::Text(example(&schema).to_string()),
        (None, None) => Said::Text("Why did the parrot learn Rust? Nobody would borrow its checker.".into()),
    };
    if asked.streamed {
        // One after the other: what comes at once is passed on at once.
        let events = stream::iter((provider.events)(&said)).then(|event| async {
            sleep(Duration::from_millis(1)).await;
            Ok::<_, Infallible>(event)
        });
        return ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response();
    }
    axum::Json((provider.whole)(&said)).into_response()
}

/// An event without a name.
pub(crate) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// The pieces that a text is streamed in.
pub(crate) fn pieces(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(7).map(|it| it.iter().collect()).collect()
}

/// All schemas inside of a schema, itself included, each with its path.
pub(crate) fn schemas<'a>(schema: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
    found.push((path.to_owned(), schema));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        schemas(property, &format!("{path}.{name}"), found);
    }
    if schema["items"].is_object() {
        schemas(&schema["items"], &format!("{path}[]"), found);
    }
    for name in ["anyOf", "oneOf", "allOf"] {
        for option in schema[name].as_array().into_iter().flatten() {
            schemas(option, path, found);
        }
    }
}

/// Whether the schema is that of an object, alone or among others.
pub(crate) fn is_object(schema: &Value) -> bool {
    match &schema["type"] {
        Value::String(one) => one == "object",
        Value::Array(several) => several.contains(&json!("object")),
        _ => false,
    }
}

/// The first member that is not among these.
pub(crate) fn unknown<'a>(value: &'a Value, known: &[&str]) -> Option<&'a str> {
    value.as_object().into_iter().flat_map(|it| it.keys()).map(String::as_str).find(|it| !known.contains(it))
}

/// A good request is taken. Each of the changes, a value at a place, makes it one that is refused with these words.
pub(crate) fn all_refused(provider: &Provider, good: &Value, changes: &[(&str, Value, &str)]) {
    let headers: HeaderMap =
        [("authorization", "k"), ("x-api-key", "k"), ("anthropic-version", "2023-06-01")]
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
    assert_eq!((provider.refuses)(&headers, good), None);
    assert!((provider.refuses)(&HeaderMap::new(), good).is_some(), "without a key");
    for (place, value, words) in changes {
        let (parent, name) = place.rsplit_once('/').unwrap();
        let mut bad = good.clone();
        bad.pointer_mut(parent).unwrap()[name] = value.clone();
        let refusal = (provider.refuses)(&headers, &bad).map(|it| it["error"]["message"].to_string());
        assert!(refusal.as_ref().is_some_and(|it| it.contains(words)), "{place} = {value}: {refusal:?}");
    }
}
