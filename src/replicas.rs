//! What servers like this one share, where there are several: rate limits, answers and conversations, through Redis.
//!
//! Only this file connects to the store. Without the feature `redis`, or without `REDIS_URL`, each replica has its
//! own.

use flow_edge::edge::EdgeConfig;
use flow_service::FlowDeps;

use crate::settings::ResilienceSettings;

/// Connects in the background: a store that is not there yet is no reason not to serve.
#[cfg(feature = "redis")]
pub fn share(
    settings: &ResilienceSettings,
    mut deps: FlowDeps,
    mut edge: EdgeConfig,
) -> anyhow::Result<(FlowDeps, EdgeConfig)> {
    use std::sync::Arc;

    use anyhow::Context;

    let Some(url) = &settings.redis_url else { return Ok((deps, edge)) };
    let defaults = redis::RedisSettings::new(url.clone(), env!("CARGO_PKG_NAME"));
    let store = redis::RedisSettings {
        timeout: settings.redis_timeout,
        cache_ttl: settings.cache().map_or(defaults.cache_ttl, |it| it.ttl),
        ..defaults
    };
    let store = Arc::new(redis::RedisStore::connect(store).context("REDIS_URL")?);
    let probed = store.clone();
    deps.shared_is_up = Some(Arc::new(move || probed.is_up()));
    deps.cache = deps.cache.map(|it| it.with_shared(store.clone()));
    deps.sessions = deps.sessions.with_shared(store.clone());
    edge.shared_rate_limiter = Some(store);
    Ok((deps, edge))
}

/// Nothing is shared: the store is not compiled in, and settings that name one have been refused.
#[cfg(not(feature = "redis"))]
pub fn share(
    _: &ResilienceSettings,
    deps: FlowDeps,
    edge: EdgeConfig,
) -> anyhow::Result<(FlowDeps, EdgeConfig)> {
    Ok((deps, edge))
}
