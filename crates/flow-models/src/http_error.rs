//! Errors from a provider's HTTP status and error body. Neither is quoted.

use std::time::Duration;

use flow_runtime::ModelError;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// The error for an HTTP status that is no success.
pub(crate) fn from_status(status: u16, headers: &HeaderMap, body: &str) -> ModelError {
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    error(status, headers, error_of(&body))
}

/// The error for a body with status 200 that holds an error or a block instead of an answer.
pub(crate) fn from_body(body: &Value) -> ModelError {
    if let Some(refused) = block_reason(body) {
        return refused;
    }
    let reported = error_of(body);
    if let Some(status) = reported["code"].as_u64().and_then(|it| u16::try_from(it).ok()) {
        return error(status, &HeaderMap::new(), reported);
    }
    let words = [&reported["code"], &reported["type"], &reported["status"]];
    let says = |word: &str| words.iter().any(|it| it.as_str().is_some_and(|it| it.contains(word)));
    if says("rate_limit") || says("insufficient_quota") || says("RESOURCE_EXHAUSTED") {
        ModelError::Quota { retry_after: retry_info(reported) }
    } else if reported.is_object() && words.iter().any(|it| it.is_string()) {
        ModelError::upstream("it answered with an error")
    } else {
        ModelError::unusable("no candidate in it")
    }
}

/// The refusal that the body of a blocked prompt holds.
pub(crate) fn block_reason(body: &Value) -> Option<ModelError> {
    body["promptFeedback"]["blockReason"].as_str().map(ModelError::refused)
}

fn error(status: u16, headers: &HeaderMap, error: &Value) -> ModelError {
    let wait = || retry_after(headers).or_else(|| retry_info(error));
    match status {
        429 => ModelError::Quota { retry_after: wait() },
        401 | 403 => ModelError::rejected(format!("HTTP {status}: the key is wrong or lacks a permission")),
        400..=499 if is_content_policy(error) => ModelError::refused("content_policy"),
        400..=499 if is_bad_key(error) => ModelError::rejected(format!("HTTP {status}: the key is wrong")),
        404 => ModelError::rejected("HTTP 404: no such model or address"),
        400..=499 => ModelError::rejected(format!("HTTP {status}")),
        _ => ModelError::Upstream { detail: format!("HTTP {status}").into(), retry_after: wait() },
    }
}

/// The error object. Gemini puts it in an array when it streams.
fn error_of(body: &Value) -> &Value {
    let body = body.as_array().and_then(|it| it.first()).unwrap_or(body);
    body.get("error").unwrap_or(body)
}

fn is_content_policy(error: &Value) -> bool {
    matches!(error["code"].as_str(), Some("content_policy_violation" | "content_filter"))
}

fn is_bad_key(error: &Value) -> bool {
    let details = error["details"].as_array().into_iter().flatten();
    details.filter_map(|it| it["reason"].as_str()).any(|it| it == "API_KEY_INVALID")
}

/// The wait of `retry-after` in seconds. No provider here sends its other form, a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    number("retry-after-ms")
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs))
}

/// The delay of a `google.rpc.RetryInfo`, such as `"34.074824224s"`.
fn retry_info(error: &Value) -> Option<Duration> {
    let details = error["details"].as_array()?;
    let delay = details.iter().find_map(|it| it["retryDelay"].as_str())?;
    let seconds = delay.strip_suffix('s')?.parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
