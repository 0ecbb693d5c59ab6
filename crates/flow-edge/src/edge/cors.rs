//! Which web pages elsewhere may call (the Fetch standard's CORS protocol).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN,
};
use http::{HeaderName, HeaderValue};

use super::Head;

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
    methods: HeaderValue,
    headers: HeaderValue,
}

#[derive(Debug)]
enum Origins {
    SameOnly,
    Any,
    Listed(Vec<HeaderValue>),
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
            listed => {
                Origins::Listed(listed.iter().filter_map(|it| HeaderValue::from_str(it).ok()).collect())
            }
        };
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        Self { allowed, methods: value(&config.methods), headers: value(&config.headers) }
    }

    /// Whether the answer depends on who asks.
    pub(super) fn varies(&self) -> bool {
        matches!(self.allowed, Origins::Listed(_))
    }

    /// The headers of the answer, refused or not: a page must be able to read why it was refused.
    pub(super) fn headers(&self, head: &Head<'_>) -> Vec<(HeaderName, HeaderValue)> {
        let origin = head.headers.get(ORIGIN);
        let allowed = match (&self.allowed, origin) {
            (Origins::Any, Some(_)) => Some(HeaderValue::from_static("*")),
            (Origins::Listed(listed), Some(origin)) => listed.iter().find(|it| *it == origin).cloned(),
            _ => None,
        };
        let Some(allowed) = allowed else { return Vec::new() };
        let allowed = (ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if !head.is_preflight() {
            return vec![allowed, (ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED))];
        }
        vec![
            allowed,
            (ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone()),
            (ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone()),
            (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::head::request;

    fn allowed(origins: &[&str], debug: bool, origin: &str) -> Option<String> {
        let config =
            CorsConfig { origins: origins.iter().map(|it| (*it).into()).collect(), ..CorsConfig::default() };
        let request = request("/", &[("origin", origin)]);
        let headers = Cors::new(&config, debug).headers(&Head::of(&request, None));
        let allowed = headers.into_iter().find(|it| it.0 == ACCESS_CONTROL_ALLOW_ORIGIN)?;
        Some(allowed.1.to_str().unwrap().to_owned())
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
