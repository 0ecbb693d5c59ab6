//! The headers every answer carries (`docs/contract.md`, "Headers on every response"; OWASP secure headers).

use http::{HeaderMap, HeaderName, HeaderValue};

use super::EdgeConfig;

const FIXED: [(&str, &str); 7] = [
    ("content-security-policy", "default-src 'none'"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("permissions-policy", "geolocation=(), camera=(), microphone=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// Those with the same value each time.
pub(super) fn fixed(config: &EdgeConfig) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(model) = config.model_header.as_deref().and_then(|it| HeaderValue::from_str(it).ok()) {
        headers.insert("x-model", model);
    }
    headers
}

/// `Strict-Transport-Security` (RFC 6797), for answers to requests that came by HTTPS.
pub(super) fn hsts(config: &EdgeConfig) -> Option<HeaderValue> {
    let seconds = config.hsts_max_age.as_secs();
    let value = format!("max-age={seconds}; includeSubDomains");
    HeaderValue::from_str(&value).ok().filter(|_| seconds > 0)
}
