//! What several targets need.

use std::sync::Arc;
use std::time::Duration;

use flow_core::edge::{
    ApiKeys, Call, CorsConfig, EdgeConfig, Head, RequestContext, TrustedHosts, TrustedProxies, Version,
};

/// An edge that lets everything through.
pub fn open_settings() -> EdgeConfig {
    EdgeConfig {
        request_timeout: Duration::from_secs(1),
        max_body_size: 1000,
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

/// A request with nothing in its head.
pub fn bare_head(path: &str) -> Head<'_> {
    Head {
        method: "POST",
        path,
        header: &|_| None,
        all: &|_, _| {},
        authority: None,
        peer: None,
        version: Version::HTTP_11,
        https: false,
    }
}

/// A context as an adapter makes it for each request, of a server in this phase.
pub fn context(path: &str, drain: flow_core::drain::Drain) -> RequestContext {
    let edge: Arc<_> = flow_core::edge::Edge::new(open_settings(), drain);
    Call::open(&edge, &bare_head(path)).ctx.clone()
}
