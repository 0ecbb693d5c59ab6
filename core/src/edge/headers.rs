//! The headers every answer carries (`docs/contract.md`, "Headers on every response"; OWASP secure headers).

use bytes::Bytes;

use super::EdgeConfig;

/// A header of an answer: its name, in lower case, and its value, which every framework takes as it is.
pub type Header = (&'static str, Bytes);

/// Just enough for the documentation pages: their own scripts and styles, and pictures written in place.
pub const DOCS_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                            img-src 'self' data:; font-src 'self' data:; connect-src 'self'; \
                            base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn fixed(config: &EdgeConfig) -> Vec<Header> {
    let mut headers: Vec<Header> = [
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
        ("permissions-policy", "geolocation=(), camera=(), microphone=()"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ]
    .map(|(name, value)| (name, value.into()))
    .into();
    if let Some(model) = &config.model_header {
        headers.push(("x-model", model.clone().into()));
    }
    headers
}

/// `Strict-Transport-Security` (RFC 6797), for answers to requests that came by HTTPS.
pub(super) fn hsts(config: &EdgeConfig) -> Option<Bytes> {
    let seconds = config.hsts_max_age.as_secs();
    (seconds > 0).then(|| format!("max-age={seconds}; includeSubDomains").into())
}
