//! Everything that can go wrong, and its form in each protocol: one table (`docs/contract.md`, "Errors").

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

/// A failed call.
///
/// [`detail`](Self::detail) and [`violations`](Self::violations) are for the client and hold no secret, no
/// prompt and nothing an upstream said. What only the log may know is the error's
/// [`source`](std::error::Error::source).
#[derive(Clone, Debug)]
pub struct FlowError {
    /// Which row of the table this is.
    pub kind: ErrorKind,
    /// One sentence for the client.
    pub detail: Cow<'static, str>,
    /// Every fault of an invalid input, at once.
    pub violations: Vec<Violation>,
    /// When it is worth trying again.
    pub retry_after: Option<Duration>,
    /// Shared, so that all who wait for the same work can be told.
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// One fault of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Where: a JSON Pointer (RFC 6901) into the request body; empty for the whole of it.
    pub pointer: String,
    /// What is wrong there. It never repeats the value.
    pub detail: String,
}

/// The rows of the error table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Not JSON, empty, not UTF-8, or the wrong envelope.
    Malformed,
    /// JSON, but of the wrong type or out of limits.
    Invalid,
    /// A body that is not declared to be JSON.
    UnsupportedMediaType,
    /// A `Host` this server does not answer to.
    UntrustedHost,
    /// No API key, or a wrong one.
    Unauthenticated,
    /// No such route or flow.
    NotFound,
    /// The route exists, but not for this method.
    MethodNotAllowed,
    /// A body over the limit.
    BodyTooLarge,
    /// Too many requests from this client.
    RateLimited,
    /// The model refused the content.
    Refused,
    /// The model failed, broke off or answered nonsense.
    BadGateway,
    /// Nobody can answer just now: quota used up, no model configured, shutting down.
    Unavailable,
    /// It took too long.
    DeadlineExceeded,
    /// A defect of ours.
    Internal,
}

/// One row: how a kind of error looks in each protocol.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The last part of the problem's `type`, and the name in logs.
    pub slug: &'static str,
    /// The problem's `title`.
    pub title: &'static str,
    /// The HTTP status.
    pub http: u16,
    /// The HTTP status under `/flows/`, where the Genkit clients expect their own.
    pub genkit_http: u16,
    /// The canonical status: the code of remote procedure calls and Genkit's word for it.
    pub status: Status,
}

/// Canonical status codes (google.rpc.Code), as far as the table uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standard's own")]
pub enum Status {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl ErrorKind {
    /// Every kind, in the table's order.
    pub const ALL: [Self; 14] = [
        Self::Malformed,
        Self::Invalid,
        Self::UnsupportedMediaType,
        Self::UntrustedHost,
        Self::Unauthenticated,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::BodyTooLarge,
        Self::RateLimited,
        Self::Refused,
        Self::BadGateway,
        Self::Unavailable,
        Self::DeadlineExceeded,
        Self::Internal,
    ];

    /// The kind's row.
    pub const fn row(self) -> Row {
        use Status as S;
        let (slug, title, http, genkit_http, status) = match self {
            Self::Malformed => ("malformed-request", "Malformed request", 400, 400, S::InvalidArgument),
            Self::Invalid => ("invalid-input", "Invalid input", 422, 400, S::InvalidArgument),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", "Unsupported media type", 415, 415, S::InvalidArgument)
            }
            Self::UntrustedHost => ("untrusted-host", "Untrusted host", 400, 400, S::InvalidArgument),
            Self::Unauthenticated => {
                ("unauthenticated", "Authentication required", 401, 401, S::Unauthenticated)
            }
            Self::NotFound => ("not-found", "Not found", 404, 404, S::NotFound),
            Self::MethodNotAllowed => {
                ("method-not-allowed", "Method not allowed", 405, 405, S::Unimplemented)
            }
            Self::BodyTooLarge => ("body-too-large", "Body too large", 413, 413, S::ResourceExhausted),
            Self::RateLimited => ("rate-limited", "Too many requests", 429, 429, S::ResourceExhausted),
            Self::Refused => ("content-refused", "Content refused", 422, 422, S::FailedPrecondition),
            Self::BadGateway => ("model-failed", "Model failed", 502, 502, S::Unavailable),
            Self::Unavailable => ("unavailable", "Service unavailable", 503, 503, S::Unavailable),
            Self::DeadlineExceeded => {
                ("deadline-exceeded", "Deadline exceeded", 504, 504, S::DeadlineExceeded)
            }
            Self::Internal => ("internal", "Internal error", 500, 500, S::Internal),
        };
        Row { slug, title, http, genkit_http, status }
    }
}

impl Status {
    /// The status by its standard name, as Genkit's protocol writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

impl FlowError {
    /// An error of this kind, with a sentence for the client.
    pub fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), violations: Vec::new(), retry_after: None, source: None }
    }

    /// The input breaks these rules.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let detail = match violations.len() {
            1 => "The input has 1 fault.".into(),
            n => format!("The input has {n} faults."),
        };
        Self { violations, ..Self::new(ErrorKind::Invalid, detail) }
    }

    /// A defect of ours; the client learns nothing but that.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Internal, "The server failed to handle this request.").caused_by(source)
    }

    /// The server is shutting down.
    pub fn draining() -> Self {
        Self::new(ErrorKind::Unavailable, "The server is shutting down.").retry_after(Duration::from_secs(1))
    }

    /// A host that this server does not answer to.
    pub fn untrusted_host() -> Self {
        Self::new(ErrorKind::UntrustedHost, "This server does not answer to this host name.")
    }

    /// No API key, or a wrong one.
    pub fn unauthenticated() -> Self {
        Self::new(ErrorKind::Unauthenticated, "Send a valid API key as Authorization: Bearer <key>.")
    }

    /// Too many requests, until so much time has passed.
    pub fn rate_limited(wait: Duration) -> Self {
        Self::new(ErrorKind::RateLimited, "Too many requests from this client.").retry_after(wait)
    }

    /// The model refused the content.
    pub fn refused() -> Self {
        Self::new(ErrorKind::Refused, "The model refused this content.")
    }

    /// The model cannot be reached, or it failed.
    pub fn model_failed() -> Self {
        Self::new(ErrorKind::BadGateway, "The model's server failed or broke off.")
    }

    /// The answer had not begun when its time was over.
    pub fn out_of_time() -> Self {
        Self::new(ErrorKind::DeadlineExceeded, "The server could not answer in time.")
    }

    /// A body over the limit of so many bytes.
    pub fn body_too_large(limit: usize) -> Self {
        Self::new(ErrorKind::BodyTooLarge, format!("The body is larger than {limit} bytes."))
    }

    /// No such route.
    pub fn no_route() -> Self {
        Self::new(ErrorKind::NotFound, "There is nothing at this path.")
    }

    /// The route exists, but not for this method. `Allow` (RFC 9110 §10.2.1) comes with the answer.
    pub fn no_such_method() -> Self {
        Self::new(ErrorKind::MethodNotAllowed, "This path does not answer to this method.")
    }

    /// No such remote procedure. Its row is that of a method that does not exist, whose status is UNIMPLEMENTED.
    pub fn no_such_procedure() -> Self {
        Self::new(ErrorKind::MethodNotAllowed, "There is no such procedure.")
    }

    /// Adds what only the log may know.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// Adds when it is worth trying again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// [`retry_after`](Self::retry_after) in whole seconds, rounded up, at least one (RFC 9110 §10.2.3).
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|it| (it.as_secs() + u64::from(it.subsec_nanos() > 0)).max(1))
    }
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.row().slug, self.detail)
    }
}

impl std::error::Error for FlowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|it| it as _)
    }
}

/// Logs an error once, where it is turned into an answer: our defects at error, upstream failures at warn, the rest
/// at info.
pub fn log_failure(error: &FlowError, what: &'static str) {
    let kind = error.kind.row().slug;
    let cause = std::error::Error::source(error).map(tracing::field::display);
    match error.kind {
        ErrorKind::Internal => tracing::error!(kind, cause, "{what}"),
        ErrorKind::BadGateway | ErrorKind::Unavailable | ErrorKind::DeadlineExceeded => {
            tracing::warn!(kind, cause, "{what}");
        }
        _ => tracing::info!(kind, cause, "{what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_share_a_slug() {
        let mut slugs: Vec<_> = ErrorKind::ALL.map(|it| it.row().slug).into();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn a_fraction_of_a_second_rounds_up() {
        let wait = |ms| FlowError::draining().retry_after(Duration::from_millis(ms)).retry_after_seconds();
        assert_eq!([wait(0), wait(1), wait(1000), wait(1001)], [Some(1), Some(1), Some(1), Some(2)]);
    }
}
