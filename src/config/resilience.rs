//! What stands between the flows and a model, or a machine, that fails: cache, circuit breaker, shared state.

use std::time::Duration;

use flow_runtime::{BreakerSettings, CacheSettings};
use secrecy::SecretString;

use super::parse;
use super::sources::Sources;
use crate::flows::STREAMED;

/// Cache, circuit breaker and shared state.
#[derive(Debug, Clone)]
pub struct ResilienceSettings {
    /// How answers are kept; nothing, if they are not.
    pub cache: Option<CacheSettings>,
    /// The flows whose identical streams are joined while they flow.
    pub stream_join: Vec<String>,
    /// When a failing model is left alone; never, without these.
    pub breaker: Option<BreakerSettings>,
    /// Where replicas share cache and rate limits; nowhere, without this. It may hold a password.
    pub redis_url: Option<SecretString>,
    /// How long one operation there may take.
    pub redis_timeout: Duration,
}

impl ResilienceSettings {
    pub(super) fn read(from: &mut Sources<'_>) -> Self {
        let cache = CacheSettings {
            ttl: from.value("CACHE_TTL", parse::seconds),
            max_entries: from.value("CACHE_MAX_SIZE", parse::positive).get() as u64,
        };
        let breaker = BreakerSettings {
            failure_threshold: from.value("CB_FAILURE_THRESHOLD", parse::positive_u32),
            recovery_timeout: from.value("CB_RECOVERY_TIMEOUT", parse::seconds),
            half_open_max: from.value("CB_HALF_OPEN_MAX", parse::positive_u32),
        };
        Self {
            cache: from.value("CACHE_ENABLED", parse::flag).then_some(cache),
            stream_join: from.list("STREAM_JOIN", parse::one_flow_of(&STREAMED)),
            breaker: from.value("CB_ENABLED", parse::flag).then_some(breaker),
            redis_url: from.optional("REDIS_URL", parse::redis_url),
            redis_timeout: from.value("REDIS_TIMEOUT", parse::milliseconds),
        }
    }
}
