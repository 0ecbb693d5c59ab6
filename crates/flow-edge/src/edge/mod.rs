//! What a request passes before a flow sees it, and what every answer carries (`docs/contract.md`, "Order of the
//! checks" and "Headers on every response").
//!
//! An adapter makes two calls: [`Edge::enter`] on the way in gives a [`Call`] or the edge's own answer,
//! [`Call::leave`] on the way out completes status, headers and body. Between the two it runs its handler through
//! [`Call::run`].
//!
//! The order of the checks: access log → request id → trusted host → CORS → API key → rate limit → drain → body
//! limit → timeout and panic guard → handler. A body without a length is counted as it is read, in the extractor.

mod call;
mod compress;
mod cors;
mod head;
mod headers;
mod host;
mod keys;
mod proxy;
mod rate;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tracing::Instrument;

pub use call::{Call, Outgoing};
pub use cors::CorsConfig;
pub use head::Head;
pub use headers::DOCS_CSP;
pub use host::TrustedHosts;
pub use keys::ApiKeys;
pub use proxy::{ParseTrustedProxyError, TrustedProxies, TrustedProxy};
pub use rate::{MAX_CLIENTS, ParseRateLimitError, RateDecision, RateLimit, SharedRateLimiter};

use crate::context::Service;
use crate::drain::Drain;
use crate::error::FlowError;
use crate::wire::{Answer, answer};
use call::Protocol;

/// Probes: exempt from API keys and rate limits, and answered while draining.
pub const PROBES: [&str; 4] = ["/health", "/healthz", "/ready", "/readyz"];

/// The settings of the edge. The default lets everything through.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// The application's name. Problem types begin with `urn:{name}:problem:`.
    pub name: String,
    /// What OpenAPI says of the application.
    pub api: ApiInfo,
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

/// What OpenAPI says of the application beside its name.
#[derive(Clone, Debug, Default)]
pub struct ApiInfo {
    /// The version of the API.
    pub version: String,
    /// What it is, in one sentence.
    pub summary: String,
    /// The licence's SPDX identifier, if it has one.
    pub license: Option<String>,
}

/// The edge of one server, shared by all its requests.
#[derive(Debug)]
pub struct Edge {
    config: EdgeConfig,
    cors: cors::Cors,
    limiter: Option<rate::Limiter>,
    fixed: HeaderMap,
    hsts: Option<HeaderValue>,
    service: Arc<Service>,
}

/// What became of a request on the way in.
#[derive(Debug)]
pub enum Entry<R> {
    /// It may reach its handler.
    Passed(Call),
    /// It may not, and this is why. The call still leaves.
    Refused(Call, R),
}

/// Why a request does not reach its handler.
enum Refusal {
    Error(FlowError),
    Preflight,
}

impl Edge {
    /// Makes the edge once; nothing here is parsed again per request.
    pub fn new(config: EdgeConfig, drain: Drain) -> Arc<Self> {
        let cors = cors::Cors::new(&config.cors, config.debug);
        let shared = config.shared_rate_limiter.clone();
        let limiter = config.rate_limit.map(|it| rate::Limiter::new(it, shared));
        let (fixed, hsts) = (headers::fixed(&config), headers::hsts(&config));
        let (name, max_body_size) = (config.name.clone(), config.max_body_size);
        let service = Arc::new(Service { name, max_body_size, drain });
        Arc::new(Self { config, cors, limiter, fixed, hsts, service })
    }

    /// The way in: a request that may reach its handler, or the edge's own answer to it.
    pub async fn enter(self: &Arc<Self>, head: Head<'_>) -> Entry<Answer> {
        let is_probe = PROBES.contains(&head.path());
        let mut call = Call::open(self, &head, Protocol::Http);
        let answer = match self.admit(&mut call, &head, is_probe).await {
            Ok(()) => return Entry::Passed(call),
            Err(Refusal::Error(error)) => {
                call.log(&error, "refused");
                answer::failure(&error, &call.ctx)
            }
            Err(Refusal::Preflight) => answer::empty(http::StatusCode::NO_CONTENT),
        };
        Entry::Refused(call, answer)
    }

    /// The way in for a remote procedure call, whose path is its method. Which methods are probes the protocol
    /// knows. The protocol renders a refusal.
    pub async fn enter_rpc(self: &Arc<Self>, head: Head<'_>, is_probe: bool) -> Entry<FlowError> {
        let mut call = Call::open(self, &head, Protocol::Rpc);
        match self.admit(&mut call, &head, is_probe).await {
            // A preflight is no call; the protocol answers it like any other request of a browser's.
            Ok(()) | Err(Refusal::Preflight) => Entry::Passed(call),
            Err(Refusal::Error(error)) => {
                call.log(&error, "refused");
                Entry::Refused(call, error)
            }
        }
    }

    /// The checks, in the order of the contract.
    async fn admit(&self, call: &mut Call, head: &Head<'_>, is_probe: bool) -> Result<(), Refusal> {
        self.config.trusted_hosts.check(head)?;
        if head.is_preflight() {
            return Err(Refusal::Preflight);
        }
        if is_probe {
            return Ok(());
        }
        call.ctx.tenant = self.config.api_keys.check(head)?;
        if let (Some(client), Some(limiter)) = (call.client, &self.limiter) {
            let decision = limiter.check(client).instrument(call.span.clone()).await;
            call.rate = Some(decision);
            decision.into_result()?;
        }
        self.check_head(call, head)?;
        Ok(())
    }

    /// What comes after the rate limit, as far as the head can tell.
    fn check_head(&self, call: &Call, head: &Head<'_>) -> Result<(), FlowError> {
        if self.drain().is_draining() {
            return Err(FlowError::draining());
        }
        if call.protocol == Protocol::Rpc {
            // Its messages have lengths of their own, and its path is a method.
            return Ok(());
        }
        let declared =
            head.header("content-length").and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
        if declared.is_some_and(|length: u64| length > self.config.max_body_size as u64) {
            return Err(FlowError::body_too_large(self.config.max_body_size));
        }
        // Frameworks disagree on whether `%2D` is `-` before they match. No route needs an escape, so a path
        // that has one matches none. Nor does one that should have had them.
        if head.path().contains('%') || !head.path().is_ascii() {
            return Err(FlowError::no_route());
        }
        Ok(())
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

    /// The application's name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What OpenAPI says of the application beside its name.
    pub fn api(&self) -> &ApiInfo {
        &self.config.api
    }

    /// The server's phase.
    pub fn drain(&self) -> &Drain {
        &self.service.drain
    }

    /// What requests share.
    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Where a request comes from.
    fn client(&self, head: &Head<'_>) -> (Option<IpAddr>, bool) {
        let origin = self.config.trusted_proxies.origin(head);
        (origin.client, origin.https)
    }
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            name: "flows".into(),
            api: ApiInfo::default(),
            request_timeout: Duration::from_mins(2),
            max_body_size: 1024 * 1024,
            rate_limit: None,
            shared_rate_limiter: None,
            trusted_hosts: TrustedHosts::default(),
            trusted_proxies: TrustedProxies::default(),
            api_keys: ApiKeys::default(),
            cors: CorsConfig::default(),
            hsts_max_age: Duration::ZERO,
            gzip_min_size: 500,
            debug: false,
            model_header: None,
        }
    }
}

impl From<FlowError> for Refusal {
    fn from(error: FlowError) -> Self {
        Self::Error(error)
    }
}

/// The `Allow` header of a path that exists: flows are called by POST, everything else is read.
fn allow(path: &str) -> HeaderValue {
    let read = PROBES.contains(&path)
        || ["/", "/openapi.json"].contains(&path)
        || ["/docs", "/redoc"].iter().any(|it| path.starts_with(it));
    HeaderValue::from_static(if read { "GET, HEAD" } else { "POST" })
}
