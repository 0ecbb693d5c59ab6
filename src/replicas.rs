//! What servers like this one share, where there are several: rate limits and answers, through Redis.
//!
//! The only file that names the store. Without the feature `redis`, or without `REDIS_URL`, each replica has its
//! own.

use std::sync::Arc;

use flow_edge::edge::SharedRateLimiter;
use flow_runtime::SharedCache;

use crate::settings::ResilienceSettings;

/// Whether the store can be reached just now.
pub type IsUp = Arc<dyn Fn() -> bool + Send + Sync>;

/// The state that is shared; empty, if none is.
#[derive(Default)]
pub struct Replicas {
    /// Counts requests by client, for all replicas.
    pub rate_limiter: Option<Arc<dyn SharedRateLimiter>>,
    /// Keeps answers for all replicas.
    pub cache: Option<Arc<dyn SharedCache>>,
    /// Tells readiness probes.
    pub is_up: Option<IsUp>,
}

/// Connects in the background: a store that is not there yet is no reason not to serve.
#[cfg(feature = "redis")]
pub fn connect(settings: &ResilienceSettings) -> anyhow::Result<Replicas> {
    use anyhow::Context;

    let Some(url) = &settings.redis_url else { return Ok(Replicas::default()) };
    let defaults = redis::RedisSettings::new(url.clone(), env!("CARGO_PKG_NAME"));
    let store = redis::RedisSettings {
        timeout: settings.redis_timeout,
        cache_ttl: settings.cache().map_or(defaults.cache_ttl, |it| it.ttl),
        ..defaults
    };
    let store = Arc::new(redis::RedisStore::connect(store).context("REDIS_URL")?);
    let probed = store.clone();
    Ok(Replicas {
        rate_limiter: Some(store.clone()),
        cache: Some(store),
        is_up: Some(Arc::new(move || probed.is_up())),
    })
}

/// Nothing is shared: the store is not compiled in, and settings that name one have been refused.
#[cfg(not(feature = "redis"))]
pub fn connect(_: &ResilienceSettings) -> anyhow::Result<Replicas> {
    Ok(Replicas::default())
}
