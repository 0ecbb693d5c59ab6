//! An error as JSON, in both dialects.

use serde::Serialize;

use crate::context::RequestContext;
use crate::error::{FlowError, Violation};

/// A problem document (RFC 9457).
#[derive(Serialize)]
pub(crate) struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Violation],
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// An error as the Genkit clients expect it.
#[derive(Serialize)]
pub(crate) struct GenkitError<'a> {
    status: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
struct Details<'a> {
    errors: Vec<GenkitViolation<'a>>,
}

#[derive(Serialize)]
struct GenkitViolation<'a> {
    path: &'a str,
    message: &'a str,
}

/// The problem document of an error.
pub(crate) fn problem<'a>(error: &'a FlowError, ctx: &'a RequestContext) -> Problem<'a> {
    let row = error.kind.row();
    Problem {
        r#type: format!("urn:{}:problem:{}", ctx.server.name, row.slug),
        title: row.title,
        status: row.http,
        detail: &error.detail,
        request_id: &ctx.request_id,
        errors: &error.violations,
        retry_after: error.retry_after_seconds(),
    }
}

/// The same error as the Genkit clients expect it.
pub(crate) fn genkit_error(error: &FlowError) -> GenkitError<'_> {
    let errors: Vec<_> = error
        .violations
        .iter()
        .map(|it| GenkitViolation { path: &it.pointer, message: &it.detail })
        .collect();
    GenkitError {
        status: error.kind.row().status.name(),
        message: &error.detail,
        details: (!errors.is_empty()).then_some(Details { errors }),
    }
}
