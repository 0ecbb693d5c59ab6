//! What Gemini answers when it refuses: `google.rpc.Status` as JSON.

use std::time::Duration;

use serde_json::{Value, json};

/// A recognisable text inside the body of every fault; wherever a client of ours sees it, a body leaked.
pub const UPSTREAM_BODY_MARKER: &str = "UPSTREAM-BODY-MARKER";

const SERVICE: &str = "generativelanguage.googleapis.com";

/// An error of the Gemini API, worded as Google words it.
///
/// As the reply to a request it is an HTTP error; after some chunks it is an `{"error": …}` frame inside a
/// stream that began with 200.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The HTTP status.
    pub code: u16,
    /// The canonical name, such as `RESOURCE_EXHAUSTED`.
    pub status: &'static str,
    /// What went wrong, without the marker.
    pub message: String,
    /// `google.rpc` details, each with its `@type`.
    pub details: Vec<Value>,
    /// The `Retry-After` header, in whole seconds.
    pub retry_after: Option<u64>,
}

impl Fault {
    /// Any error.
    pub fn new(code: u16, status: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), details: Vec::new(), retry_after: None }
    }

    /// 400: something in the request that no retry will mend.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    /// 400: a key that Google does not know. It is *not* a 401.
    pub fn api_key_invalid() -> Self {
        const MESSAGE: &str = "API key not valid. Please pass a valid API key.";
        Self::invalid_argument(MESSAGE).error_info("API_KEY_INVALID").detail(json!({
            "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
            "locale": "en-US",
            "message": MESSAGE,
        }))
    }

    /// 401: a bearer token that is not valid (keys get 400 or 403).
    pub fn unauthenticated() -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
                       cookie or other valid authentication credential.";
        Self::new(401, "UNAUTHENTICATED", message).error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED")
    }

    /// 403: a key without the right to this service.
    pub fn permission_denied() -> Self {
        let message = "Generative Language API has not been used in project 1234 before or it is disabled.";
        Self::new(403, "PERMISSION_DENIED", message).error_info("SERVICE_DISABLED")
    }

    /// 403: no key at all.
    pub fn unregistered_caller() -> Self {
        let message = "Method doesn't allow unregistered callers (callers without established identity). \
                       Please use API Key or other form of API consumer identity to call this API.";
        Self::new(403, "PERMISSION_DENIED", message)
    }

    /// 404: a model that does not exist.
    pub fn model_not_found(model: &str) -> Self {
        let message = format!(
            "models/{model} is not found for API version v1beta, or is not supported for generateContent. \
             Call ListModels to see the list of available models and their supported methods."
        );
        Self::new(404, "NOT_FOUND", message)
    }

    /// 429: over the quota; the wait is in `Retry-After` and in a `RetryInfo` detail.
    pub fn resource_exhausted(retry: Duration) -> Self {
        let metric = format!("{SERVICE}/generate_content_free_tier_requests");
        let message = format!(
            "You exceeded your current quota, please check your plan and billing details.\n\
             * Quota exceeded for metric: {metric}, limit: 15\nPlease retry in {}s.",
            retry.as_secs_f64()
        );
        Self::new(429, "RESOURCE_EXHAUSTED", message)
            .detail(json!({
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{
                    "description": "Learn more about Gemini API quotas",
                    "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
                }],
            }))
            .detail(json!({
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{
                    "quotaMetric": metric,
                    "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
                    "quotaDimensions": { "location": "global", "model": "gemini-2.5-flash" },
                    "quotaValue": "15",
                }],
            }))
            .retry(retry)
    }

    /// 500: Google's own failure.
    pub fn internal() -> Self {
        let message = "An internal error has occurred. Please retry or report in \
                       https://developers.generativeai.google/guide/troubleshooting";
        Self::new(500, "INTERNAL", message)
    }

    /// 503: the model is overloaded.
    pub fn unavailable() -> Self {
        Self::new(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
    }

    /// 504: the model took longer than Google allows.
    pub fn deadline_exceeded() -> Self {
        let message = "Deadline expired before operation could complete.";
        Self::new(504, "DEADLINE_EXCEEDED", message)
    }

    /// Adds a detail.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.details.push(detail);
        self
    }

    /// Tells when to come back: a `RetryInfo` detail and the `Retry-After` header.
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry_after = Some(after.as_secs());
        self.detail(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}s", after.as_secs_f64()),
        }))
    }

    /// Removes the `Retry-After` header; Google itself often sends the detail alone.
    #[must_use]
    pub fn without_retry_header(mut self) -> Self {
        self.retry_after = None;
        self
    }

    /// The body: `{"error": {"code", "message", "status", "details"?}}`, the marker in the message.
    pub fn body(&self) -> Value {
        let mut error = json!({
            "code": self.code,
            "message": format!("{} [{UPSTREAM_BODY_MARKER}]", self.message),
            "status": self.status,
        });
        if !self.details.is_empty() {
            error["details"] = Value::Array(self.details.clone());
        }
        json!({ "error": error })
    }

    fn error_info(self, reason: &str) -> Self {
        self.detail(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": { "service": SERVICE },
        }))
    }
}
