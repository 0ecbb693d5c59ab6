//! The settings of the edge.

use std::sync::Arc;
use std::time::Duration;

use super::cors::CorsConfig;
use super::host::TrustedHosts;
use super::keys::ApiKeys;
use super::observe::Observer;
use super::proxy::TrustedProxies;
use super::rate::{RateLimit, SharedRateLimiter};

use crate::docs::dev::RecentTraces; // eject: dev-ui

/// The settings of the edge. The default lets everything through.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// The application's name. Problem types begin with `urn:{name}:problem:`.
    pub name: String,
    /// What OpenAPI says of the application.
    pub api: ApiInfo,
    /// How long a call may take until its answer begins. It does not limit a stream after its
    /// first chunk.
    pub request_timeout: Duration,
    /// The largest request body, in bytes.
    pub max_body_size: usize,
    /// How many requests one client may send; `None` for no limit.
    pub rate_limit: Option<RateLimit>,
    /// Where all replicas count together, if they do.
    pub shared_rate_limiter: Option<Arc<dyn SharedRateLimiter>>,
    /// The hosts this server answers to; empty for any.
    pub trusted_hosts: TrustedHosts,
    /// The proxies whose `X-Forwarded-For` is used; by default none.
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
    /// Who is told of each request.
    pub observers: Vec<Arc<dyn Observer>>,
    // eject: dev-ui
    /// The recent traces, where the development page shows them.
    pub traces: Option<Arc<dyn RecentTraces>>,
    // eject: end
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
            observers: Vec::new(),
            traces: None, // eject: dev-ui
        }
    }
}
