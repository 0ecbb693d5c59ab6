//! Whole answers as bytes: results, problem documents, probes.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::edge::{Header, RequestContext};
use crate::error::{ErrorKind, FlowError};
use crate::service::Readiness;

/// An answer on plain types, for an adapter to turn into its framework's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body's media type; `None` for an answer without a body.
    pub content_type: Option<&'static str>,
    /// Further headers of this answer alone. Those of every answer come from the edge.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Bytes,
}

/// Which form errors take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 9457 problem documents.
    #[default]
    Problem,
    /// The Genkit client protocol, under `/flows/` (`docs/contract.md`, "Genkit client protocol").
    Genkit,
}

impl Dialect {
    /// The dialect of a path.
    pub fn of(path: &str) -> Self {
        if path.starts_with("/flows/") { Self::Genkit } else { Self::Problem }
    }
}

impl Reply {
    /// An answer that is only a status.
    pub fn empty(status: u16) -> Self {
        Self { status, content_type: None, headers: Vec::new(), body: Bytes::new() }
    }

    /// A result.
    pub fn json<T: Serialize>(status: u16, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self {
                status,
                content_type: Some("application/json"),
                headers: Vec::new(),
                body: body.into(),
            },
            // No schema of ours can fail to serialize; a user's map with keys that are no strings can.
            Err(error) => {
                tracing::error!(%error, "a result could not be serialized");
                Self::empty(500)
            }
        }
    }

    /// An error, in the dialect of the request's path.
    pub fn error(error: &FlowError, ctx: &RequestContext) -> Self {
        let row = error.kind.row();
        let mut reply = match ctx.dialect {
            Dialect::Problem => Self {
                content_type: Some("application/problem+json"),
                ..Self::json(row.http, &problem(error, &ctx.request_id))
            },
            Dialect::Genkit => Self::json(row.genkit_http, &genkit_error(error)),
        };
        if let Some(seconds) = error.retry_after_seconds() {
            reply.headers.push(("retry-after", seconds.to_string().into()));
        }
        if error.kind == ErrorKind::Unauthenticated {
            reply.headers.push(("www-authenticate", "Bearer".into()));
        }
        reply
    }

    /// `GET /health`: the process is alive.
    pub fn health() -> Self {
        Self::json(200, &json!({"status": "ok"}))
    }

    /// `GET /ready`: work may be routed here, or why not.
    pub fn ready(readiness: &Readiness, draining: bool) -> Self {
        let ready = readiness.ready && !draining;
        let mut checks: serde_json::Map<String, Value> =
            readiness.checks.iter().map(|(name, said)| ((*name).to_owned(), said.as_str().into())).collect();
        checks.insert("serving".into(), if draining { "draining" } else { "ok" }.into());
        let status = if ready { "ok" } else { "unavailable" };
        Self::json(if ready { 200 } else { 503 }, &json!({"status": status, "checks": checks}))
    }
}

/// The problem document (RFC 9457) of an error.
pub fn problem(error: &FlowError, request_id: &str) -> Value {
    let row = error.kind.row();
    let mut problem = json!({
        "type": format!("urn:genkit-endpoints:problem:{}", row.slug),
        "title": row.title,
        "status": row.http,
        "detail": error.detail,
        "request_id": request_id,
    });
    if !error.violations.is_empty() {
        problem["errors"] = json!(error.violations);
    }
    if let Some(seconds) = error.retry_after_seconds() {
        problem["retry_after"] = seconds.into();
    }
    problem
}

/// The same error as the Genkit clients expect it.
pub fn genkit_error(error: &FlowError) -> Value {
    let mut body = json!({"status": error.kind.row().status.name(), "message": error.detail});
    if !error.violations.is_empty() {
        let errors: Vec<_> =
            error.violations.iter().map(|it| json!({"path": it.pointer, "message": it.detail})).collect();
        body["details"] = json!({"errors": errors});
    }
    body
}
