//! Whole answers as bytes: results, problem documents, probes.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::body::{self, Answer};
use super::problem::{genkit_error, problem};
use crate::context::{Dialect, RequestContext};
use crate::error::{ErrorKind, FlowError};
use crate::flow::Readiness;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// How long most answers are at most, in bytes: they are written without growing their buffer.
const ANSWER: usize = 512;
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An answer that is only a status.
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = body::answer(Bytes::new().into());
    *answer.status_mut() = status;
    answer
}

/// An answer that leads to another path, for now.
pub fn redirect(to: &'static str) -> Answer {
    let mut answer = empty(StatusCode::TEMPORARY_REDIRECT);
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    answer
}

/// An answer of these bytes.
pub fn whole(content_type: HeaderValue, bytes: Bytes) -> Answer {
    let mut answer = body::answer(bytes.into());
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// A result, or any other JSON.
pub fn json<T: Serialize>(value: &T) -> Answer {
    let mut bytes = Vec::with_capacity(ANSWER);
    match serde_json::to_writer(&mut bytes, value) {
        Ok(()) => whole(JSON, bytes.into()),
        // No schema of ours can fail to serialize; a user's map with keys that are no strings can.
        Err(error) => {
            tracing::error!(%error, "a result could not be serialized");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// JSON for people to read.
pub fn pretty<T: Serialize>(value: &T) -> Answer {
    whole(JSON, serde_json::to_vec_pretty(value).unwrap_or_default().into())
}

/// An error, in the dialect of the request's path.
pub fn error(error: &FlowError, ctx: &RequestContext) -> Answer {
    let row = error.kind.row();
    let (mut answer, status) = match ctx.dialect {
        Dialect::Rest => {
            let mut answer = json(&problem(error, ctx));
            answer.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
            (answer, row.http)
        }
        Dialect::Genkit => (json(&genkit_error(error)), row.genkit_http),
    };
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(seconds) = error.retry_after_seconds() {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    if error.kind == ErrorKind::Unauthenticated {
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}

/// `GET /health`: the process is alive.
pub fn health() -> Answer {
    whole(JSON, Bytes::from_static(br#"{"status":"ok"}"#))
}

/// `GET /ready`: work may be routed here, or why not.
pub fn ready(readiness: &Readiness, draining: bool) -> Answer {
    let ready = readiness.ready && !draining;
    let mut checks: serde_json::Map<String, Value> =
        readiness.checks.iter().map(|(name, said)| ((*name).to_owned(), said.as_str().into())).collect();
    checks.insert("serving".into(), if draining { "draining" } else { "ok" }.into());
    let status = if ready { "ok" } else { "unavailable" };
    let mut answer = json(&json!({"status": status, "checks": checks}));
    if !ready {
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    answer
}
