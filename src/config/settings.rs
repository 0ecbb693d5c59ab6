//! The typed settings, one struct per concern, and the line that reads each field.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use flow_core::edge::{
    ApiKeys, CorsConfig, EdgeConfig, RateLimit, SharedRateLimiter, TrustedHosts, TrustedProxies, TrustedProxy,
};
use flow_models as providers;
use secrecy::SecretString;
use tracing_subscriber::filter::LevelFilter;

use super::grpc::GrpcSettings;
use super::parse::{self, LogFormat};
use super::resilience::ResilienceSettings;
use super::sources::Sources;
use crate::serving::ServerKind;

/// The built-in, offline model.
pub const DEMO_MODEL: &str = providers::demo::NAME;
/// The model as soon as there is a Gemini key.
const GEMINI_MODEL: &str = "googleai/gemini-flash-latest";

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The listener.
    pub server: ServerSettings,
    /// gRPC beside it.
    pub grpc: GrpcSettings,
    /// What a request must satisfy before a flow sees it.
    pub edge: EdgeSettings,
    /// The models and how to reach them.
    pub model: ModelSettings,
    /// What stands between the flows and a model, or a machine, that fails.
    pub resilience: ResilienceSettings,
    /// The log.
    pub log: LogSettings,
    /// Port of the metrics on loopback, if they are wanted.
    pub metrics_port: Option<u16>,
    /// `--env`: which `.<env>.env` was read.
    pub env: Option<String>,
    /// API docs, open CORS, console logs.
    pub debug: bool,
    /// A development machine, where the demo model counts as ready.
    pub dev: bool,
}

/// The listener.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The adapter asked for, one of the compiled ones.
    pub framework: Option<String>,
    /// Which listener serves. A shared port is always on ours.
    pub server: ServerKind,
    /// Address to bind.
    pub host: IpAddr,
    /// Port to bind; 0 lets the system choose.
    pub port: u16,
    /// Worker threads.
    pub workers: NonZeroUsize,
    /// How long an idle connection stays open.
    pub keep_alive: Duration,
    /// How long running calls may go on after the signal to stop.
    pub shutdown_grace: Duration,
}

impl ServerSettings {
    /// Where the REST listener binds.
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

/// What a request must satisfy before a flow sees it.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Time a call may take.
    pub request_timeout: Duration,
    /// Largest request body in bytes.
    pub max_body_size: usize,
    /// Requests each client may make.
    pub rate_limit: RateLimit,
    /// `Host` values to accept; none accepts any.
    pub trusted_hosts: TrustedHosts,
    /// Proxies whose word on clients counts.
    pub trusted_proxies: TrustedProxies,
    /// Hashes of the accepted keys; none asks for none.
    pub api_keys: ApiKeys,
    /// Which pages may call from a browser.
    pub cors: CorsConfig,
    /// How long browsers must insist on HTTPS; zero says nothing.
    pub hsts_max_age: Duration,
    /// Smallest answer that is compressed, in bytes.
    pub gzip_min_size: usize,
}

/// The models and how to reach them. Base URLs have no trailing slash.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// The models asked for: the first answers, the others where it cannot. Empty if none was asked for.
    pub models: Vec<String>,
    /// Key for `googleai/`.
    pub gemini_api_key: Option<SecretString>,
    /// Server for `googleai/`, if not Google's.
    pub gemini_base_url: Option<String>,
    /// Project for `vertexai/`.
    pub vertex_project: Option<String>,
    /// Region for `vertexai/`.
    pub vertex_location: String,
    /// OAuth access token for `vertexai/`.
    pub vertex_access_token: Option<SecretString>,
    /// Key for `openai/`.
    pub openai_api_key: Option<SecretString>,
    /// Server for `openai/`, if not the vendor's.
    pub openai_base_url: Option<String>,
    /// Key for `anthropic/`.
    pub anthropic_api_key: Option<SecretString>,
    /// Server for `anthropic/`, if not the vendor's.
    pub anthropic_base_url: Option<String>,
    /// Server for `ollama/`.
    pub ollama_base_url: String,
    /// Time one call to the model may take.
    pub llm_timeout: Duration,
    /// Outbound connections.
    pub pool: PoolSettings,
}

impl ModelSettings {
    /// What a model cannot do without, if that is missing.
    fn lacks(&self, name: &str) -> Option<&'static str> {
        let (provider, model) = name.split_once('/').unwrap_or((name, ""));
        let (there, why) = match provider {
            _ if self.models.iter().filter(|it| *it == name).count() > 1 => (false, "names a model twice"),
            DEMO_MODEL if self.models.len() > 1 => (false, "has demo in a list: it would stand in unnoticed"),
            DEMO_MODEL if model.is_empty() => return None,
            _ if !providers::is_model_name(model) => (
                false,
                "must be a provider and its model, such as openai/gpt-5-mini, in letters, digits and -_.:/@",
            ),
            "ollama" => return None,
            "googleai" => (self.gemini_api_key.is_some(), "needs GEMINI_API_KEY"),
            "vertexai" if !model.starts_with("gemini") => {
                (false, "can only be Gemini models under vertexai/")
            }
            "vertexai" => (
                self.vertex_project.is_some() && self.vertex_access_token.is_some(),
                "needs GOOGLE_CLOUD_PROJECT and VERTEX_ACCESS_TOKEN",
            ),
            "openai" => (
                self.openai_api_key.is_some() || self.openai_base_url.is_some(),
                "needs OPENAI_API_KEY, or OPENAI_BASE_URL of a server that asks for none",
            ),
            "anthropic" => (self.anthropic_api_key.is_some(), "needs ANTHROPIC_API_KEY"),
            _ => (false, "must begin with googleai/, vertexai/, openai/, anthropic/ or ollama/, or be demo"),
        };
        (!there).then_some(why)
    }

    /// The model to use: the first one asked for, else Gemini with a key, else the demo model.
    pub fn name(&self) -> &str {
        let default = if self.gemini_api_key.is_some() { GEMINI_MODEL } else { DEMO_MODEL };
        self.models.first().map_or(default, String::as_str)
    }

    /// The same with the models to ask where it cannot answer.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name()).chain(self.models.iter().skip(1).map(String::as_str))
    }
}

/// Outbound connections.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    /// Most connections to model servers at once.
    pub max: NonZeroUsize,
    /// Most idle connections kept per server.
    pub max_idle: usize,
}

/// The log.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// The format asked for.
    pub format: Option<LogFormat>,
    /// Which events are written.
    pub filter: LogFilter,
    /// Whether console lines may have colours.
    pub color: bool,
}

/// Which events are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFilter {
    /// Our own crates from this level up.
    Level(LevelFilter),
    /// `RUST_LOG`: levels per target.
    Directives(String),
}

impl Settings {
    /// Whether flows answer from the demo model though nobody asked for it. Then `/ready` must say no, so
    /// that no platform routes traffic to invented replies.
    pub fn demo_by_accident(&self) -> bool {
        self.model.models.is_empty() && self.model.name() == DEMO_MODEL && !self.debug && !self.dev
    }

    /// The edge's configuration. Clients are told by a header when no real model answers.
    pub fn edge_config(&self, shared_rate_limiter: Option<Arc<dyn SharedRateLimiter>>) -> EdgeConfig {
        let EdgeSettings { request_timeout, max_body_size, rate_limit, .. } = self.edge;
        EdgeConfig {
            shared_rate_limiter,
            request_timeout,
            max_body_size,
            rate_limit: Some(rate_limit),
            trusted_hosts: self.edge.trusted_hosts.clone(),
            trusted_proxies: self.edge.trusted_proxies.clone(),
            api_keys: self.edge.api_keys.clone(),
            cors: self.edge.cors.clone(),
            hsts_max_age: self.edge.hsts_max_age,
            gzip_min_size: self.edge.gzip_min_size,
            debug: self.debug,
            model_header: (self.model.name() == DEMO_MODEL).then(|| DEMO_MODEL.to_owned()),
        }
    }

    pub(super) fn read(from: &mut Sources<'_>, adapters: &[&str]) -> Self {
        let mut settings = Self {
            server: ServerSettings::read(from, adapters),
            grpc: GrpcSettings::read(from),
            edge: EdgeSettings::read(from),
            model: ModelSettings::read(from),
            resilience: ResilienceSettings::read(from),
            log: LogSettings::read(from),
            metrics_port: from.optional("METRICS_PORT", parse::known_port),
            env: from.env.clone(),
            debug: from.value("DEBUG", parse::flag),
            dev: from.value("GENKIT_ENV", parse::text) == "dev",
        };
        settings.grpc.share_port(&mut settings.server, from);
        if let Some(why) = settings.model.names().find_map(|name| settings.model.lacks(name)) {
            from.refuse("MODEL", why);
        }
        settings
    }
}

impl ServerSettings {
    fn read(from: &mut Sources<'_>, adapters: &[&str]) -> Self {
        let cpus = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            framework: from.optional("FRAMEWORK", parse::one_of(adapters)),
            server: from.value("SERVER", parse::server),
            host: from.value("HOST", parse::host),
            port: from.value("PORT", parse::port),
            workers: from.optional("WEB_CONCURRENCY", parse::workers).unwrap_or_else(cpus),
            keep_alive: from.value("KEEP_ALIVE_TIMEOUT", parse::seconds),
            shutdown_grace: from.value("SHUTDOWN_GRACE", parse::seconds_or_zero),
        }
    }
}

impl EdgeSettings {
    fn read(from: &mut Sources<'_>) -> Self {
        Self {
            request_timeout: from.value("REQUEST_TIMEOUT", parse::seconds),
            max_body_size: from.value("MAX_BODY_SIZE", parse::positive).get(),
            rate_limit: from.value("RATE_LIMIT_DEFAULT", parse::rate_limit),
            trusted_hosts: TrustedHosts::new(from.list("TRUSTED_HOSTS", parse::trusted_host)),
            trusted_proxies: TrustedProxies::new(Self::proxies(from)),
            api_keys: ApiKeys::new(from.list("API_KEYS", parse::key_hash)),
            cors: CorsConfig {
                origins: from.list("CORS_ALLOWED_ORIGINS", parse::origin),
                methods: from.list("CORS_ALLOWED_METHODS", parse::token).join(","),
                headers: from.list("CORS_ALLOWED_HEADERS", parse::token).join(","),
            },
            hsts_max_age: from.value("HSTS_MAX_AGE", parse::seconds_or_zero),
            gzip_min_size: from.value("GZIP_MIN_SIZE", parse::count),
        }
    }

    /// On Cloud Run only the platform can connect, and it appends the client's address.
    fn proxies(from: &mut Sources<'_>) -> Vec<TrustedProxy> {
        let given = from.is_given("TRUSTED_PROXIES");
        let listed = from.list("TRUSTED_PROXIES", parse::trusted_proxy);
        if !given && from.is_cloud_run() { vec![TrustedProxy::Platform] } else { listed }
    }
}

impl ModelSettings {
    fn read(from: &mut Sources<'_>) -> Self {
        Self {
            models: from.list("MODEL", parse::text),
            gemini_api_key: from.optional("GEMINI_API_KEY", parse::secret),
            gemini_base_url: from.optional("GEMINI_BASE_URL", parse::base_url),
            vertex_project: from.optional("GOOGLE_CLOUD_PROJECT", parse::text),
            vertex_location: from.value("GOOGLE_CLOUD_LOCATION", parse::text),
            vertex_access_token: from.optional("VERTEX_ACCESS_TOKEN", parse::secret),
            openai_api_key: from.optional("OPENAI_API_KEY", parse::secret),
            openai_base_url: from.optional("OPENAI_BASE_URL", parse::base_url),
            anthropic_api_key: from.optional("ANTHROPIC_API_KEY", parse::secret),
            anthropic_base_url: from.optional("ANTHROPIC_BASE_URL", parse::base_url),
            ollama_base_url: from.value("OLLAMA_BASE_URL", parse::base_url),
            llm_timeout: from.value("LLM_TIMEOUT", parse::milliseconds),
            pool: PoolSettings {
                max: from.value("HTTP_POOL_MAX", parse::positive),
                max_idle: from.value("HTTP_POOL_MAX_IDLE", parse::count),
            },
        }
    }
}

impl LogSettings {
    fn read(from: &mut Sources<'_>) -> Self {
        let level = from.value("LOG_LEVEL", parse::log_level);
        let directives = from.optional("RUST_LOG", parse::log_directives);
        // RUST_LOG wins over LOG_LEVEL, but a flag still wins over the environment.
        let directives = directives.filter(|_| from.rank("RUST_LOG") <= from.rank("LOG_LEVEL"));
        Self {
            format: from.optional("LOG_FORMAT", parse::log_format),
            filter: directives.map_or(LogFilter::Level(level), LogFilter::Directives),
            color: from.optional("NO_COLOR", parse::anything).is_none(),
        }
    }
}
