//! Errors: from a provider's HTTP status and error body, and from a connection that fails.
//!
//! An error holds no text of the provider's. Its words go to the log, at debug alone, since they may quote a prompt.

use std::error::Error as StdError;
use std::time::Duration;

use flow_runtime::{ModelError, Rejection};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::json;

/// The target of the log lines.
const TARGET: &str = "genkit";

/// How much of a provider's words is logged, in characters.
const LONGEST_WORDS: usize = 500;

/// What a provider said instead of an answer.
pub(crate) struct Report {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Report {
    /// From the head and the body of a failed call.
    pub(crate) fn new(status: u16, headers: HeaderMap, body: &[u8]) -> Self {
        Self { status, headers, body: json::read(body).unwrap_or(Value::Null) }
    }

    /// The error for it.
    pub(crate) fn error(&self) -> ModelError {
        error(self.status, &self.headers, error_of(&self.body))
    }

    /// Which of these members of the request it does not know, if one. Providers name it in `param`, or first in their
    /// words. That a value is wrong says nothing of the member.
    pub(crate) fn member<M: Copy>(&self, members: &[(M, &[&str])]) -> Option<M> {
        const UNKNOWN: [&str; 9] = [
            "unsupported",
            "not support",
            "unknown",
            "unrecognized",
            "extra inputs",
            "not permitted",
            "not allowed",
            "unexpected",
            "deprecated",
        ];
        let error = error_of(&self.body);
        let texts = [&error["message"], &self.body["detail"], &self.body["message"], error];
        let words = texts.into_iter().find_map(Value::as_str).unwrap_or_default().to_lowercase();
        let is_unknown = UNKNOWN.iter().any(|it| words.contains(it));
        if !matches!(self.status, 400 | 422) || !is_unknown {
            return None;
        }
        let param = error["param"].as_str().filter(|it| !it.is_empty());
        let text = param.unwrap_or(&words);
        let named = members.iter().filter_map(|(member, names)| {
            names.iter().filter_map(|name| find_word(text, name)).min().map(|at| (at, *member))
        });
        named.min_by_key(|(at, _)| *at).map(|(_, member)| member)
    }

    /// Writes what the provider said to the log, without the key that the call was made with.
    pub(crate) fn log(&self, model: &str, secret: Option<&str>) {
        let status = Some(self.status);
        log(model, status, error_of(&self.body), secret);
    }
}

/// Writes a provider's words to the log.
fn log(model: &str, status: Option<u16>, error: &Value, secret: Option<&str>) {
    let word = |names: [&str; 2]| names.iter().find_map(|it| error[it].as_str()).unwrap_or_default();
    let said = error["message"].as_str().or(error.as_str()).unwrap_or_default();
    let said = match secret.filter(|it| !it.is_empty()) {
        Some(secret) => said.replace(secret, "[withheld]"),
        None => said.to_owned(),
    };
    let said: String = said.chars().take(LONGEST_WORDS).collect();
    let (code, kind, param) = (word(["code", "status"]), word(["type", "status"]), word(["param", "param"]));
    tracing::debug!(target: TARGET, model, status, code, kind, param, said, "the provider refused a call");
}

/// Where a text names a member, and not only a longer one.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let is_whole =
        |at: usize| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part);
    text.match_indices(word).map(|(at, _)| at).find(|at| is_whole(*at))
}

/// The error for a body with status 200 that holds an error instead of an answer.
pub(crate) fn from_body(reported: &Value) -> ModelError {
    let word = |name: &str| reported[name].as_str().unwrap_or_default();
    let (kind, status) = (word("type"), word("status"));
    // Its message may quote a key, which is not known here.
    tracing::debug!(target: TARGET, code = %reported["code"], kind, status, "the provider answered with an error");
    let code = &reported["code"];
    let number = code.as_u64().or_else(|| code.as_str()?.parse().ok()).and_then(|it| u16::try_from(it).ok());
    if let Some(status) = number.filter(|it| (400..600).contains(it)) {
        return error(status, &HeaderMap::new(), reported);
    }
    let words = [code, &reported["type"], &reported["status"]];
    let says = |word: &str| words.iter().any(|it| it.as_str().is_some_and(|it| it.contains(word)));
    if is_content_policy(reported) {
        ModelError::refused("content_policy")
    } else if says("rate_limit") || says("insufficient_quota") || says("RESOURCE_EXHAUSTED") {
        ModelError::Quota { retry_after: retry_info(reported) }
    } else {
        ModelError::upstream("it answered with an error")
    }
}

/// Why a connection could not be made or broke, in words.
pub(crate) fn from_reqwest(error: &reqwest::Error) -> ModelError {
    // A connection attempt that times out shows an absent server, not a slow model.
    if error.is_connect() {
        ModelError::unreachable(why_unreachable(error))
    } else if error.is_timeout() {
        ModelError::Timeout
    } else if error.is_builder() {
        ModelError::rejected("the request could not be built from the settings")
    } else {
        ModelError::upstream("the connection broke")
    }
}

/// The causes are types of several libraries; their words are what they have in common. None is quoted.
fn why_unreachable(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&dyn StdError> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            match io.kind() {
                std::io::ErrorKind::ConnectionRefused => return "the connection was refused",
                std::io::ErrorKind::TimedOut => return "connecting took too long",
                std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::HostUnreachable => {
                    return "its network cannot be reached";
                }
                _ => {}
            }
        }
        let words = error.to_string();
        for (word, why) in [
            ("dns error", "its host name has no address"),
            ("Expired", "its certificate has expired"),
            ("certificate expired", "its certificate has expired"),
            ("NotValidYet", "its certificate is not valid yet"),
            ("not valid for name", "its certificate is for another name"),
            ("NotValidForName", "its certificate is for another name"),
            ("UnknownIssuer", "its certificate is of an unknown issuer"),
            ("invalid peer certificate", "its certificate is not trusted"),
            ("operation timed out", "connecting took too long"),
        ] {
            if words.contains(word) {
                return why;
            }
        }
        cause = error.source();
    }
    "no connection"
}

fn error(status: u16, headers: &HeaderMap, error: &Value) -> ModelError {
    let wait = || retry_after(headers).or_else(|| retry_info(error));
    let rejected = |what, why| ModelError::Rejected { what, detail: format!("HTTP {status}: {why}").into() };
    let failed = |may_be_the_request| ModelError::Upstream {
        detail: format!("HTTP {status}").into(),
        retry_after: wait(),
        may_be_the_request,
    };
    match status {
        429 => ModelError::Quota { retry_after: wait() },
        401 | 403 => rejected(Rejection::Key, "the key is wrong or lacks a permission"),
        400..=499 if is_content_policy(error) => ModelError::refused("content_policy"),
        400..=499 if is_bad_key(error) => rejected(Rejection::Key, "the key is wrong"),
        404 => rejected(Rejection::Model, "no such model or address"),
        // Too slow, too early, beside another, or overloaded: the providers' own clients ask again, too.
        408 | 409 | 425 | 503 | 529 => failed(false),
        400..=499 => ModelError::rejected(format!("HTTP {status}")),
        501 => ModelError::rejected("HTTP 501: it does not support this"),
        500 if is_unsupported(error) => ModelError::rejected("HTTP 500: it does not support this"),
        _ => failed(true),
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

/// An image for a model that sees none: llama.cpp says so with 500.
fn is_unsupported(error: &Value) -> bool {
    error["message"].as_str().is_some_and(|it| it.contains("not supported"))
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
