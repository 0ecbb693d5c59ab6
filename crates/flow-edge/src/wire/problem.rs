//! An error as JSON, in both dialects.

use serde_json::{Value, json};

use crate::context::RequestContext;
use crate::error::FlowError;

/// The problem document (RFC 9457) of an error.
pub(crate) fn problem(error: &FlowError, ctx: &RequestContext) -> Value {
    let row = error.kind.row();
    let mut problem = json!({
        "type": format!("urn:{}:problem:{}", ctx.service.name, row.slug),
        "title": row.title,
        "status": row.http,
        "detail": error.detail,
        "request_id": &*ctx.request_id,
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
pub(crate) fn genkit_error(error: &FlowError) -> Value {
    let mut body = json!({"status": error.kind.row().status.name(), "message": error.detail});
    if !error.violations.is_empty() {
        let errors: Vec<_> =
            error.violations.iter().map(|it| json!({"path": it.pointer, "message": it.detail})).collect();
        body["details"] = json!({"errors": errors});
    }
    body
}
