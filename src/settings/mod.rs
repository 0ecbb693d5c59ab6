//! Settings: from flags, environment and dotenv files to typed values.
//!
//! A setting is one field of one of the structs here: its attributes say flag, variable and default, its
//! comment is the help. `--help`, the README's tables and `.example.env` are made from them. Nothing else in
//! the project reads the environment.

mod command;
mod edge;
// eject: grpc
mod grpc;
// eject: end
mod log;
mod model;
mod parse;
mod resilience;
mod server;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

use clap::{ArgAction, Args};
use flow_edge::FlowInfo;
use flow_settings::Given;
pub use flow_settings::{SettingsError, USAGE};

use self::command::{Action, PromptAction};
pub use self::command::{Command, PromptRender};
pub use self::edge::EdgeSettings;
// eject: grpc
pub use self::grpc::GrpcSettings;
// eject: end
pub use self::log::{LogFilter, LogFormat, LogSettings};
pub use self::model::{DEMO_MODEL, ModelSettings};
pub use self::resilience::ResilienceSettings;
pub use self::server::ServerSettings;

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
    /// `dev` marks a development machine, where the demo model counts as ready.
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
    #[arg(value_parser = parse::log_directives)]
    pub rust_log: Option<LogFilter>,
    /// Prometheus metrics on a loopback listener of their own.
    ///
    /// Default: no metrics. Example: `9464`
    #[arg(help_heading = log::GROUP, long, env = "METRICS_PORT", value_name = "PORT")]
    #[arg(value_parser = parse::known_port)]
    pub metrics_port: Option<u16>,
    /// What a request must satisfy before a flow sees it.
    #[command(flatten)]
    pub edge: EdgeSettings,
    /// What stands between the flows and a model, or a machine, that fails.
    #[command(flatten)]
    pub resilience: ResilienceSettings,
}

/// Reads this process's arguments, environment and working directory.
///
/// `adapters` are the names of the compiled adapters, for `--framework`, `--help` and `--version`; `flows` are those
/// that `STREAM_JOIN` may name.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn from_process(adapters: &[&str], flows: &[FlowInfo]) -> Result<Command, SettingsError> {
    // A value that is not UTF-8 is kept with replacement characters, so that its parser names the key.
    let environment = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    load(adapters, flows, std::env::args_os(), &environment, Path::new("."))
}

/// Reads settings from the given sources; `args` starts with the program's name, dotenv files are in `dir`.
pub fn load(
    adapters: &[&str],
    flows: &[FlowInfo],
    args: impl IntoIterator<Item = OsString>,
    environment: &dyn Fn(&str) -> Option<String>,
    dir: &Path,
) -> Result<Command, SettingsError> {
    let (line, action) = command::parse(adapters, args)?;
    let settings = || {
        let mut given = Given::new::<Settings>(&line, environment, dir);
        let mut settings: Settings = given.settings()?;
        settings.server.check(adapters, &mut given);
        // eject: grpc
        settings.grpc.check(&mut settings.server, &mut given);
        // eject: end
        settings.model.check(&mut given);
        settings.resilience.check(flows, &mut given);
        // eject: redis
        if cfg!(not(feature = "redis")) && settings.resilience.redis_url.is_some() {
            given.refuse("REDIS_URL", "this program was built without the feature `redis`");
        }
        // eject: end
        settings.log.check(settings.rust_log.as_ref(), &given);
        settings.edge.check(&given, environment);
        given.finish(Box::new(settings))
    };
    Ok(match action {
        None => Command::Serve(settings()?),
        Some(Action::Prompt(PromptAction::Render(render))) => Command::PromptRender(render),
        Some(Action::OpenApi) => Command::OpenApi(settings()?),
        Some(Action::Health) => Command::Health(settings()?),
    })
}

/// The groups that `scripts/eject.sh` can drop with their part of the project.
const DROPPABLE: &[(&str, &str)] = &[
    ("gRPC", "grpc"),   // eject: grpc
    ("Redis", "redis"), // eject: redis
];

/// The README's tables of settings.
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
    /// Whether flows answer from the demo model though nobody asked for it. Then `/ready` must say no, so
    /// that no platform routes traffic to invented replies.
    pub fn demo_by_accident(&self) -> bool {
        let meant = self.debug || self.dev || !self.model.models.is_empty();
        self.model.name() == DEMO_MODEL && !meant
    }
}
