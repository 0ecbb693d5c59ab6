//! What a request passes before a flow sees it, and what every answer carries (`docs/contract.md`, "Order of
//! the checks", "Headers on every response"). The rules are on plain types; each adapter binds them with its
//! framework's own middleware.
//!
//! The order is the design: access log → request id → trusted host → CORS → API key → rate limit → drain → body
//! limit → timeout and panic guard → handler. [`Call`] walks it. A body without a length is counted as it is read,
//! in the extractor.

mod call;
mod compress;
mod context;
mod cors;
mod headers;
mod host;
mod keys;
mod proxy;
mod rate;
mod request_id;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
pub use call::{Call, log_failure};
pub(crate) use compress::is_zero;
pub use context::RequestContext;
pub use cors::CorsConfig;
pub use headers::{DOCS_CSP, Header};
pub use host::TrustedHosts;
pub use hyper::Version;
pub use keys::{ApiKeys, Tenant};
pub use proxy::{ParseTrustedProxyError, TrustedProxies, TrustedProxy};
pub use rate::{MAX_CLIENTS, ParseRateLimitError, RateDecision, RateLimit, SharedRateLimiter};

use crate::drain::Drain;
use crate::error::{ErrorKind, FlowError};

/// Probes: exempt from API keys and rate limits, and answered while draining.
pub const PROBES: [&str; 4] = ["/health", "/healthz", "/ready", "/readyz"];

/// The settings of the edge.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// How long a call may take until its answer begins. Streams go on beyond it once they flow.
    pub request_timeout: Duration,
    /// The largest request body, in bytes.
    pub max_body_size: usize,
    /// How many requests one client may send; `None` for no limit.
    pub rate_limit: Option<RateLimit>,
    /// Where all replicas count together, if they do.
    pub shared_rate_limiter: Option<Arc<dyn SharedRateLimiter>>,
    /// The hosts this server answers to; empty for any.
    pub trusted_hosts: TrustedHosts,
    /// The proxies whose word on clients counts; none for none.
    pub trusted_proxies: TrustedProxies,
    /// Who may call; empty for everyone.
    pub api_keys: ApiKeys,
    /// Which web pages elsewhere may call.
    pub cors: CorsConfig,
    /// How long browsers must insist on HTTPS once they came by it; zero says nothing.
    pub hsts_max_age: Duration,
    /// The smallest answer that is compressed, in bytes.
    pub gzip_min_size: usize,
    /// Development conveniences: documentation pages, open CORS.
    pub debug: bool,
    /// Announced as `x-model` on every answer, where clients should know that it is not a real model's.
    pub model_header: Option<String>,
}

/// The edge of one server, shared by all its requests.
#[derive(Debug)]
pub struct Edge {
    config: EdgeConfig,
    cors: cors::Cors,
    limiter: Option<rate::Limiter>,
    fixed: Vec<Header>,
    hsts: Option<Bytes>,
    drain: Drain,
}

/// Shows every line of the header of this name to a function.
pub type Lines<'a> = dyn Fn(&str, &mut dyn FnMut(&[u8])) + 'a;

/// A request's head on plain types, as an adapter sees it.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// The method, upper case.
    pub method: &'a str,
    /// The path as it was sent, without query.
    pub path: &'a str,
    /// Looks a header up by its lower-case name: its first line.
    pub header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    /// Shows every line of a header, in their order.
    pub all: &'a Lines<'a>,
    /// The host that the request's target names: HTTP/2's `:authority`, or that of an absolute form.
    pub authority: Option<&'a str>,
    /// The address at the other end of the connection.
    pub peer: Option<IpAddr>,
    /// The protocol's version: some headers are forbidden in HTTP/2, some unknown in HTTP/1.0.
    pub version: Version,
    /// Whether the connection itself is encrypted.
    pub https: bool,
}

#[cfg(test)]
impl Head<'_> {
    /// A request with nothing in its head.
    fn bare() -> Self {
        Self {
            method: "POST",
            path: "/chat",
            header: &|_| None,
            all: &|_, _| {},
            authority: None,
            peer: None,
            version: Version::HTTP_11,
            https: false,
        }
    }
}

impl Edge {
    /// Makes the edge once; nothing here is parsed again per request.
    pub fn new(config: EdgeConfig, drain: Drain) -> Arc<Self> {
        let cors = cors::Cors::new(&config.cors, config.debug);
        let shared = config.shared_rate_limiter.clone();
        let limiter = config.rate_limit.map(|it| rate::Limiter::new(it, shared));
        let (fixed, hsts) = (headers::fixed(&config), headers::hsts(&config));
        Arc::new(Self { config, cors, limiter, fixed, hsts, drain })
    }

    /// The headers every answer carries, with the same value each time. One an answer has set itself stays.
    pub fn fixed_headers(&self) -> &[Header] {
        &self.fixed
    }

    /// The largest request body, in bytes.
    pub fn max_body_size(&self) -> usize {
        self.config.max_body_size
    }

    /// The smallest answer that is compressed, in bytes.
    pub fn gzip_min_size(&self) -> usize {
        self.config.gzip_min_size
    }

    /// How long a call may take until its answer begins.
    pub fn request_timeout(&self) -> Duration {
        self.config.request_timeout
    }

    /// Whether development conveniences are on.
    pub fn debug(&self) -> bool {
        self.config.debug
    }

    /// The server's phase.
    pub fn drain(&self) -> &Drain {
        &self.drain
    }

    /// What comes after the rate limit, as far as the head can tell.
    fn admit(&self, head: &Head<'_>, is_rpc: bool) -> Result<(), FlowError> {
        if self.drain.is_draining() {
            return Err(FlowError::draining());
        }
        if is_rpc {
            // Its messages have lengths of their own, and its path is a method.
            return Ok(());
        }
        let declared =
            (head.header)("content-length").and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
        if declared.is_some_and(|length: u64| length > self.config.max_body_size as u64) {
            return Err(body_too_large(self.config.max_body_size));
        }
        // Frameworks disagree on whether `%2D` is `-` before they match. No route needs an escape, so a path
        // that has one matches none. Nor does one that should have had them.
        if head.path.contains('%') || !head.path.is_ascii() {
            return Err(not_found());
        }
        Ok(())
    }
}

/// A body over the limit of so many bytes.
pub(crate) fn body_too_large(limit: usize) -> FlowError {
    FlowError::new(ErrorKind::BodyTooLarge, format!("The body is larger than {limit} bytes."))
}

/// No such route.
pub fn not_found() -> FlowError {
    FlowError::new(ErrorKind::NotFound, "There is nothing at this path.")
}

/// The route exists, but not for this method. `Allow` (RFC 9110 §10.2.1) comes with the answer.
pub fn method_not_allowed() -> FlowError {
    FlowError::new(ErrorKind::MethodNotAllowed, "This path does not answer to this method.")
}

/// No such remote procedure. Its row is that of a method that does not exist, whose status is UNIMPLEMENTED.
pub fn unknown_procedure() -> FlowError {
    FlowError::new(ErrorKind::MethodNotAllowed, "There is no such procedure.")
}

/// The `Allow` header of a path that exists: flows are called by POST, everything else is read.
pub fn allow(path: &str) -> &'static str {
    let read = PROBES.contains(&path)
        || path == "/openapi.json"
        || ["/docs", "/redoc"].iter().any(|it| path.starts_with(it));
    if read { "GET, HEAD" } else { "POST" }
}
