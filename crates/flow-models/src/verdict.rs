//! What a provider means when it does not answer: its HTTP status and error body, read but never repeated.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use flow_runtime::ModelError;

/// The verdict on an HTTP answer that is no success.
pub(crate) fn from_status(status: u16, headers: &HeaderMap, body: &str) -> ModelError {
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    verdict(status, headers, error_of(&body))
}

/// The verdict on a success that is none: an error or a block where the answer should be.
pub(crate) fn from_body(body: &Value) -> ModelError {
    if let Some(refused) = block_reason(body) {
        return refused;
    }
    let error = error_of(body);
    if let Some(status) = error["code"].as_u64().and_then(|it| u16::try_from(it).ok()) {
        return verdict(status, &HeaderMap::new(), error);
    }
    let words = [&error["code"], &error["type"], &error["status"]];
    let says = |word: &str| words.iter().any(|it| it.as_str().is_some_and(|it| it.contains(word)));
    if says("rate_limit") || says("insufficient_quota") || says("RESOURCE_EXHAUSTED") {
        ModelError::Quota { retry_after: retry_info(error) }
    } else if error.is_object() && words.iter().any(|it| it.is_string()) {
        ModelError::upstream("it answered with an error")
    } else {
        ModelError::unusable("no candidate in it")
    }
}

/// Why a prompt was blocked, if this is the body that says so.
pub(crate) fn block_reason(body: &Value) -> Option<ModelError> {
    body["promptFeedback"]["blockReason"].as_str().map(ModelError::refused)
}

fn verdict(status: u16, headers: &HeaderMap, error: &Value) -> ModelError {
    let told_to_wait = || retry_after(headers).or_else(|| retry_info(error));
    match status {
        429 => ModelError::Quota { retry_after: told_to_wait() },
        401 | 403 => ModelError::rejected(format!("HTTP {status}: the key is wrong or lacks a permission")),
        400..=499 if is_content_policy(error) => ModelError::refused("content_policy"),
        400..=499 if is_bad_key(error) => ModelError::rejected(format!("HTTP {status}: the key is wrong")),
        404 => ModelError::rejected("HTTP 404: no such model or address"),
        400..=499 => ModelError::rejected(format!("HTTP {status}")),
        _ => ModelError::Upstream { detail: format!("HTTP {status}").into(), retry_after: told_to_wait() },
    }
}

/// The error object, wherever providers put it: Gemini wraps it in an array when it streams.
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

/// The seconds of `retry-after`. Its other form, a date, no provider here sends.
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
