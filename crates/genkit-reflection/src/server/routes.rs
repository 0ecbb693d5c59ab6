//! What version 1 is asked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::answers::{self, Answer};
use super::guard;
use crate::error::ActionError;
use crate::run::{self, Runner};

/// The largest body, in bytes. A model's request may hold images.
const MAX_BODY: usize = 30 * 1024 * 1024;

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What is asked of a runtime.
pub(crate) struct Api {
    /// The id by which the tools know this runtime.
    pub(crate) id: String,
    pub(crate) secret: Option<SecretString>,
    pub(crate) runner: Arc<Runner>,
    /// Told when the tools ask the program to end.
    pub(crate) quit: Arc<Notify>,
}

impl Api {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let is_health = path == "/api/__health";
        if let Some(status) = guard::refusal(&head.headers, self.secret.as_ref(), is_health) {
            return answers::empty(status);
        }
        let query = query(head.uri.query().unwrap_or_default());
        match (&head.method, path) {
            (&Method::GET, "/api/__health") => self.health(query.get("id")),
            (&Method::GET, "/api/__quitquitquit") => {
                self.quit.notify_one();
                answers::text(StatusCode::OK, "OK")
            }
            (&Method::GET, "/api/actions") => {
                answers::json(StatusCode::OK, &self.runner.registry.list().into())
            }
            (&Method::GET, "/api/values") => self.values(query.get("type")),
            (&Method::GET, "/api/envs") => answers::json(StatusCode::OK, &json!(["dev"])),
            (&Method::POST, "/api/notify") => self.notify(body).await,
            (&Method::POST, "/api/runAction") => {
                self.run(body, query.get("stream").is_some_and(|it| it == "true")).await
            }
            (&Method::POST, "/api/cancelAction") => self.cancel(body).await,
            _ => answers::failure(StatusCode::NOT_FOUND, ActionError::new(5, "there is nothing here")),
        }
    }

    /// Another program may have taken over the port of one that was killed.
    fn health(&self, id: Option<&String>) -> Answer {
        if id.is_some_and(|it| *it != self.id) {
            return answers::text(StatusCode::SERVICE_UNAVAILABLE, "Invalid runtime ID");
        }
        answers::text(StatusCode::OK, "OK")
    }

    fn values(&self, kind: Option<&String>) -> Answer {
        let Some(kind) = kind else {
            return answers::text(StatusCode::BAD_REQUEST, "Query parameter \"type\" is required.");
        };
        match self.runner.registry.values(kind) {
            Some(values) => answers::json(StatusCode::OK, &values.into()),
            None => answers::text(
                StatusCode::BAD_REQUEST,
                "\"type\" is not supported. Only \"defaultModel\" and \"middleware\" are.",
            ),
        }
    }

    async fn notify(&self, body: Incoming) -> Answer {
        let told: Value = match read(body).await {
            Ok(told) => told,
            Err(answer) => return answer,
        };
        self.runner.adopt(told["telemetryServerUrl"].as_str());
        answers::text(StatusCode::OK, "OK")
    }

    async fn run(&self, body: Incoming, is_stream: bool) -> Answer {
        let mut request: run::Request = match read(body).await {
            Ok(request) => request,
            Err(answer) => return answer,
        };
        request.stream = is_stream;
        match self.runner.start(request) {
            Ok(run) => answers::run(run, is_stream),
            Err(error) if error.code == 5 => answers::failure(StatusCode::NOT_FOUND, error),
            Err(error) => answers::failure(StatusCode::TOO_MANY_REQUESTS, error),
        }
    }

    async fn cancel(&self, body: Incoming) -> Answer {
        let asked: Value = match read(body).await {
            Ok(asked) => asked,
            Err(answer) => return answer,
        };
        let Some(trace) = asked["traceId"].as_str().filter(|it| !it.is_empty()) else {
            return answers::json(StatusCode::BAD_REQUEST, &json!({ "error": "traceId is required" }));
        };
        let (status, message) = if self.runner.cancel(trace) {
            (StatusCode::OK, "Action cancelled")
        } else {
            (StatusCode::NOT_FOUND, "Action not found or already completed")
        };
        answers::json(status, &json!({ "message": message }))
    }
}

/// Reads a body, or says what is wrong with it.
async fn read<T: DeserializeOwned>(body: Incoming) -> Result<T, Answer> {
    let refuse = |status, why: String| answers::failure(status, ActionError::invalid(why));
    let body: Bytes = match timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is over {MAX_BODY} bytes")));
        }
        Ok(Err(_)) => return Err(refuse(StatusCode::BAD_REQUEST, "the body broke off".to_owned())),
        Err(_) => return Err(refuse(StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned())),
    };
    serde_json::from_slice(&body)
        .map_err(|error| refuse(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}")))
}

/// The parameters of a query. None of those that are read here needs to be encoded, but an id may be.
fn query(text: &str) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://localhost/?{text}"));
    url.map(|it| it.query_pairs().into_owned().collect()).unwrap_or_default()
}
