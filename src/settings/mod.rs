//! Settings: from flags, environment and dotenv files to typed values.
//!
//! A setting is one field of one of the structs here: its attributes say flag, variable and default, its
//! comment is the help. `--help`, the tables of `docs/configuration.md` and `.example.env` are made from them.
//! Nothing else in the project reads the environment.

mod command;
mod edge;
// eject: grpc
mod grpc;
// eject: end
mod log;
mod model;
mod parse;
mod resilience;
// eject: reflection telemetry
mod reflection;
// eject: end
// eject: sentry
mod sentry;
// eject: end
mod server;
mod sources;
// eject: telemetry
mod telemetry;
// eject: end

#[cfg(test)]
mod tests;

use clap::{ArgAction, Args};
use flow_edge::edge::{ApiInfo, CorsConfig, EdgeConfig, TrustedHosts, TrustedProxies};
pub use flow_settings::{SettingsError, USAGE};

pub use self::command::{Command, FlowRun, PromptRender};
pub use self::edge::EdgeSettings;
// eject: grpc
pub use self::grpc::GrpcSettings;
// eject: end
pub use self::log::{LogFilter, LogFormat, LogSettings, Spans};
pub use self::model::{DEMO_MODEL, ModelSettings};
// eject: reflection telemetry
pub use self::reflection::ReflectionSettings;
// eject: end
pub use self::resilience::ResilienceSettings;
// eject: sentry
pub use self::sentry::SentrySettings;
// eject: end
pub use self::server::ServerSettings;
pub use self::sources::{from_process, load};
// eject: telemetry
pub use self::telemetry::OtlpProtocol; // eject: grpc
pub use self::telemetry::TelemetrySettings;
// eject: end

/// Everything that can be set.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// The listener.
    #[command(flatten)]
    pub server: ServerSettings,
    /// Also read `.NAME.env`, which wins over `.env`.
    ///
    /// Example: `staging`
    #[arg(help_heading = server::GROUP, long, value_name = "NAME", value_parser = parse::file_name)]
    pub env: Option<String>,
    /// API docs, open CORS, console logs: for development only.
    #[arg(help_heading = server::GROUP, long, env = "DEBUG")]
    pub debug: bool,
    /// `dev` marks a development machine, where the demo model counts as ready and Genkit's developer tools find it.
    #[arg(help_heading = server::GROUP, env = "GENKIT_ENV", value_name = "NAME")]
    #[arg(default_value = "prod", value_parser = parse::is_dev, action = ArgAction::Set)]
    pub dev: bool,
    // eject: grpc
    /// gRPC beside it.
    #[command(flatten)]
    pub grpc: GrpcSettings,
    // eject: end
    /// The models and how to reach them.
    #[command(flatten)]
    pub model: ModelSettings,
    /// The log.
    #[command(flatten)]
    pub log: LogSettings,
    /// Filter per target; wins over `LOG_LEVEL` from the same place.
    ///
    /// Example: `info,flow_runtime=debug`
    #[arg(help_heading = log::GROUP, env = "RUST_LOG", value_name = "FILTER")]
    #[arg(value_parser = log::directives)]
    pub rust_log: Option<LogFilter>,
    /// Prometheus metrics on a loopback listener of their own.
    ///
    /// Default: no metrics. Example: `9464`
    #[arg(help_heading = log::GROUP, long, env = "METRICS_PORT", value_name = "PORT")]
    #[arg(value_parser = parse::known_port)]
    pub metrics_port: Option<u16>,
    // eject: telemetry
    /// Traces.
    #[command(flatten)]
    pub telemetry: TelemetrySettings,
    // eject: end
    // eject: sentry
    /// Errors told to Sentry.
    #[command(flatten)]
    pub sentry: SentrySettings,
    // eject: end
    // eject: reflection telemetry
    /// Genkit's developer tools.
    #[command(flatten)]
    pub reflection: ReflectionSettings,
    // eject: end
    /// What a request must satisfy before a flow sees it.
    #[command(flatten)]
    pub edge: EdgeSettings,
    /// What stands between the flows and a model, or a machine, that fails.
    #[command(flatten)]
    pub resilience: ResilienceSettings,
    /// What is probably not meant as it was given.
    #[arg(skip)]
    pub warnings: Vec<String>,
}

/// The groups that `scripts/eject.sh` can drop with their part of the project.
const DROPPABLE: &[(&str, &str)] = &[
    ("gRPC", "grpc"),                         // eject: grpc
    ("Redis", "redis"),                       // eject: redis
    ("Sentry", "sentry"),                     // eject: sentry
    ("Telemetry", "telemetry"),               // eject: telemetry
    ("Traces over gRPC", "grpc telemetry"),   // eject: grpc telemetry
    ("Genkit tools", "reflection telemetry"), // eject: reflection telemetry
];

/// The tables of settings in `docs/configuration.md`.
pub fn settings_markdown() -> String {
    flow_settings::markdown::<Settings>(&|group| {
        part(group).map(|it| (format!("<!-- eject: {it} -->"), "<!-- eject: end -->".to_owned()))
    })
}

/// The text of `.example.env`.
pub fn example_env() -> String {
    let origin = "This file is made from src/settings: cargo run --example settings_docs";
    flow_settings::example_env::<Settings>(origin, &|group| {
        part(group).map(|it| (format!("# eject: {it}"), "# eject: end".to_owned()))
    })
}

/// The part of the project that a group of settings belongs to.
fn part(group: &str) -> Option<&'static str> {
    DROPPABLE.iter().find(|(name, _)| *name == group).map(|(_, part)| *part)
}

impl Settings {
    /// The edge's configuration. Clients are told by a header when no real model answers.
    pub fn edge_config(&self) -> EdgeConfig {
        let edge = self.edge.clone();
        EdgeConfig {
            name: env!("CARGO_PKG_NAME").into(),
            api: ApiInfo {
                version: env!("CARGO_PKG_VERSION").into(),
                summary: "AI flows as network endpoints.".into(),
                license: Some("Apache-2.0".into()),
            },
            request_timeout: edge.request_timeout,
            max_body_size: edge.max_body_size,
            rate_limit: Some(edge.rate_limit),
            shared_rate_limiter: None,
            trusted_hosts: TrustedHosts::new(edge.trusted_hosts),
            trusted_proxies: TrustedProxies::new(edge.trusted_proxies),
            api_keys: edge.api_keys.unwrap_or_default(),
            cors: CorsConfig {
                origins: edge.cors_origins,
                methods: edge.cors_methods.join(","),
                headers: edge.cors_headers.join(","),
            },
            hsts_max_age: edge.hsts_max_age,
            gzip_min_size: edge.gzip_min_size,
            debug: self.debug,
            model_header: (self.model.name() == DEMO_MODEL).then(|| DEMO_MODEL.to_owned()),
            observers: Vec::new(),
            traces: None, // eject: dev-ui
        }
    }

    /// Whether anybody reads metrics.
    pub fn is_measured(&self) -> bool {
        // eject: telemetry
        if self.telemetry.metrics_collector().is_some() {
            return true;
        }
        // eject: end
        self.metrics_port.is_some()
    }

    /// What spans inside of requests hold.
    pub fn spans(&self) -> Spans {
        // eject: dev-ui telemetry
        if self.keeps_traces() {
            return Spans::WithContent;
        }
        // eject: end
        // eject: reflection telemetry
        if self.shows_traces_to_tools() {
            return Spans::WithContent;
        }
        // eject: end
        // eject: telemetry
        if self.telemetry.has_content() {
            return Spans::WithContent;
        }
        if self.telemetry.is_on() {
            return Spans::On;
        }
        // eject: end
        Spans::Off
    }

    // eject: dev-ui telemetry
    /// Whether the last traces are kept for the development page.
    pub fn keeps_traces(&self) -> bool {
        cfg!(all(feature = "dev-ui", feature = "telemetry")) && self.debug && !self.telemetry.no_telemetry
    }

    // eject: end
    // eject: reflection telemetry
    /// Whether Genkit's developer tools find this program: on a development machine only.
    pub fn is_for_tools(&self) -> bool {
        cfg!(feature = "reflection") && self.dev && self.reflection.enabled
    }

    /// Whether they see its traces, with prompts and answers.
    pub fn shows_traces_to_tools(&self) -> bool {
        self.is_for_tools() && !self.telemetry.no_telemetry
    }

    // eject: end
    /// Whether flows answer from the demo model though nobody asked for it. Then `/ready` must say no, so
    /// that no platform routes traffic to invented replies.
    pub fn demo_by_accident(&self) -> bool {
        let meant = self.debug || self.dev || !self.model.models.is_empty();
        self.model.name() == DEMO_MODEL && !meant
    }
}
