//! What stands between the flows and a model, or a machine, that fails: cache, conversations, circuit breaker, shared
//! state.

use std::time::Duration;

use clap::{ArgAction, Args};
use flow_edge::FlowInfo;
use flow_runtime::{BreakerSettings, CacheSettings, SessionSettings};
use flow_settings::Given;
// eject: redis
use secrecy::SecretString;
// eject: end

use super::parse;

/// Cache, conversations, circuit breaker and shared state.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Resilience")]
pub struct ResilienceSettings {
    /// Cache the answers of idempotent flows.
    #[arg(env = "CACHE_ENABLED", value_name = "BOOL")]
    #[arg(default_value = "true", value_parser = parse::boolean, action = ArgAction::Set)]
    pub cache_enabled: bool,
    /// How long an answer is cached.
    #[arg(env = "CACHE_TTL", value_name = "SECONDS", default_value = "300", value_parser = parse::seconds)]
    pub cache_ttl: Duration,
    /// Most answers cached; the one not used for longest goes first.
    #[arg(env = "CACHE_MAX_SIZE", value_name = "COUNT")]
    #[arg(default_value = "1024", value_parser = parse::positive::<u64>)]
    pub cache_max_size: u64,
    /// Flows whose identical streams in flight share one model call, by commas.
    ///
    /// Default: none: every stream has a model call of its own. Example: `name_of_a_flow`
    #[arg(env = "STREAM_JOIN", value_name = "FLOWS")]
    #[arg(value_delimiter = ',')]
    pub stream_join: Vec<String>,
    /// How long a conversation is kept after its last turn.
    #[arg(env = "SESSION_TTL", value_name = "SECONDS", default_value = "3600", value_parser = parse::seconds)]
    pub session_ttl: Duration,
    /// Stop calling a model that keeps failing, for a while (circuit breaker).
    #[arg(env = "CB_ENABLED", value_name = "BOOL")]
    #[arg(default_value = "true", value_parser = parse::boolean, action = ArgAction::Set)]
    pub cb_enabled: bool,
    /// Failures in a row that open the circuit.
    #[arg(env = "CB_FAILURE_THRESHOLD", value_name = "COUNT")]
    #[arg(default_value = "5", value_parser = parse::positive::<u32>)]
    pub cb_failure_threshold: u32,
    /// How long the circuit stays open.
    #[arg(env = "CB_RECOVERY_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "30", value_parser = parse::seconds)]
    pub cb_recovery_timeout: Duration,
    /// Most calls that may test the model at once after `CB_RECOVERY_TIMEOUT`.
    #[arg(env = "CB_HALF_OPEN_MAX", value_name = "COUNT")]
    #[arg(default_value = "1", value_parser = parse::positive::<u32>)]
    pub cb_half_open_max: u32,
    // eject: redis
    /// Where replicas share cache, conversations and rate limits (needs the feature `redis`).
    ///
    /// Default: each replica for itself. Example: `redis://127.0.0.1:6379`
    #[arg(help_heading = "Redis", env = "REDIS_URL", hide_env_values = true, value_name = "URL", value_parser = redis_url)]
    pub redis_url: Option<SecretString>,
    /// Time one operation on Redis may take; after that the replica falls back to its own state.
    #[arg(help_heading = "Redis", env = "REDIS_TIMEOUT", value_name = "MILLISECONDS")]
    #[arg(default_value = "20", value_parser = parse::milliseconds)]
    pub redis_timeout: Duration,
    // eject: end
}

impl ResilienceSettings {
    /// Refuses to join what does not stream.
    pub(super) fn check(&self, flows: &[FlowInfo], given: &mut Given) {
        let streamed: Vec<_> = flows.iter().filter(|it| it.streamed.is_some()).map(|it| it.name).collect();
        if !self.stream_join.iter().all(|it| streamed.contains(&&**it)) {
            given.refuse("STREAM_JOIN", format!("must be flows that stream: {}", streamed.join(", ")));
        }
    }

    /// Cache settings; `None` if off.
    pub fn cache(&self) -> Option<CacheSettings> {
        let settings = CacheSettings { ttl: self.cache_ttl, max_entries: self.cache_max_size };
        self.cache_enabled.then_some(settings)
    }

    /// How conversations are kept.
    pub fn sessions(&self) -> SessionSettings {
        SessionSettings { ttl: self.session_ttl, ..SessionSettings::default() }
    }

    /// Circuit-breaker settings; `None` if off.
    pub fn breaker(&self) -> Option<BreakerSettings> {
        self.cb_enabled.then_some(BreakerSettings {
            failure_threshold: self.cb_failure_threshold,
            recovery_timeout: self.cb_recovery_timeout,
            half_open_max: self.cb_half_open_max,
        })
    }
}
// eject: redis

/// It may hold a password, so it is kept like one.
fn redis_url(text: &str) -> Result<SecretString, String> {
    // Redis' own client takes further schemes, such as a socket's.
    if !["redis://", "rediss://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err(
            "must be a URL such as redis://host:6379 or rediss://user:password@host:6380/0".to_owned()
        );
    }
    let url = parse::secret(text)?;
    #[cfg(feature = "redis")]
    redis::RedisSettings::new(url.clone(), env!("CARGO_PKG_NAME"))
        .check()
        .map_err(|error| error.to_string())?;
    Ok(url)
}
// eject: end
