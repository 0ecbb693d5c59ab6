//! Which web pages elsewhere may call (the Fetch standard's CORS protocol).

use bytes::Bytes;

use super::{Head, Header};

/// The settings: what to allow, as header values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsConfig {
    /// The origins that may call, `*` for all. Empty: none but our own, or all while debugging.
    pub origins: Vec<String>,
    /// The methods they may use.
    pub methods: String,
    /// The headers they may send.
    pub headers: String,
}

#[derive(Debug)]
pub(super) struct Cors {
    allowed: Origins,
    methods: Bytes,
    headers: Bytes,
}

#[derive(Debug)]
enum Origins {
    SameOnly,
    Any,
    Listed(Vec<String>),
}

/// What a page may read of an answer beside what every page may.
const EXPOSED: &str = "X-Request-ID,Retry-After,RateLimit,RateLimit-Policy,X-Cache";

/// How long a browser may remember a preflight, in seconds; two hours is the most Chromium keeps.
const MAX_AGE: &str = "7200";

impl Default for CorsConfig {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            methods: "GET,POST,OPTIONS".into(),
            headers: "Content-Type,Authorization,X-Request-ID".into(),
        }
    }
}

impl Cors {
    pub(super) fn new(config: &CorsConfig, debug: bool) -> Self {
        let allowed = match &config.origins[..] {
            [] if debug => Origins::Any,
            [] => Origins::SameOnly,
            listed if listed.iter().any(|it| it == "*") => Origins::Any,
            listed => Origins::Listed(listed.to_vec()),
        };
        Self { allowed, methods: config.methods.clone().into(), headers: config.headers.clone().into() }
    }

    /// Whether the answer depends on who asks.
    pub(super) fn varies(&self) -> bool {
        matches!(self.allowed, Origins::Listed(_))
    }

    /// The headers of the answer, refused or not: a page must be able to read why it was refused.
    pub(super) fn headers(&self, head: &Head<'_>) -> Vec<Header> {
        let mut headers = Vec::new();
        let origin = (head.header)("origin").and_then(|it| std::str::from_utf8(it).ok());
        let allowed = match (&self.allowed, origin) {
            (Origins::Any, Some(_)) => Some("*"),
            (Origins::Listed(listed), origin) => origin.filter(|it| listed.iter().any(|listed| listed == it)),
            _ => None,
        };
        let Some(allowed) = allowed else { return headers };
        headers.push(("access-control-allow-origin", Bytes::copy_from_slice(allowed.as_bytes())));
        if is_preflight(head) {
            headers.push(("access-control-allow-methods", self.methods.clone()));
            headers.push(("access-control-allow-headers", self.headers.clone()));
            headers.push(("access-control-max-age", MAX_AGE.into()));
        } else {
            headers.push(("access-control-expose-headers", EXPOSED.into()));
        }
        headers
    }
}

/// A browser asking whether it may ask.
pub(super) fn is_preflight(head: &Head<'_>) -> bool {
    head.method == "OPTIONS"
        && (head.header)("origin").is_some()
        && (head.header)("access-control-request-method").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &[&str], debug: bool, origin: &'static str) -> Option<String> {
        let config =
            CorsConfig { origins: origins.iter().map(|it| (*it).into()).collect(), ..CorsConfig::default() };
        let header = |name: &str| (name == "origin").then_some(origin.as_bytes());
        let head = Head { header: &header, ..Head::bare() };
        let headers = Cors::new(&config, debug).headers(&head);
        let allowed = headers.into_iter().find(|it| it.0 == "access-control-allow-origin")?;
        Some(String::from_utf8_lossy(&allowed.1).into_owned())
    }

    #[test]
    fn origins_are_closed_unless_listed_or_debugging() {
        assert_eq!(allowed(&[], false, "https://a.example"), None);
        assert_eq!(allowed(&[], true, "https://a.example").as_deref(), Some("*"));
        assert_eq!(
            allowed(&["https://a.example"], true, "https://a.example").as_deref(),
            Some("https://a.example")
        );
        assert_eq!(allowed(&["https://a.example"], false, "https://a.example.evil"), None);
    }
}
