//! Where settings come from: flags, environment and dotenv files.

use std::ffi::OsString;
use std::path::Path;

use flow_edge::FlowInfo;
use flow_settings::{Given, SettingsError};

use super::Settings;
use super::command::{self, Action, Command, FlowAction, PromptAction};

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
        // eject: telemetry
        if cfg!(not(feature = "telemetry")) && settings.telemetry.endpoint.is_some() {
            given.refuse(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "this program was built without the feature `telemetry`",
            );
        }
        #[cfg(feature = "telemetry")]
        settings.telemetry.find_place(environment);
        // eject: end
        // eject: sentry
        if cfg!(not(feature = "sentry")) && settings.sentry.dsn.is_some() {
            given.refuse("SENTRY_DSN", "this program was built without the feature `sentry`");
        }
        // eject: end
        settings.log.check(settings.rust_log.as_ref(), &given);
        settings.edge.check(&given, environment);
        settings.warnings = given.warnings();
        settings.warnings.extend(settings.grpc.tls.iter().filter_map(|it| it.warning.clone())); // eject: grpc
        given.finish(Box::new(settings))
    };
    Ok(match action {
        None => Command::Serve(settings()?),
        Some(Action::Prompt(PromptAction::Render(render))) => Command::PromptRender(render),
        Some(Action::Flow(FlowAction::Run(run))) => Command::FlowRun(settings()?, run),
        Some(Action::OpenApi) => Command::OpenApi(settings()?),
        Some(Action::Health) => Command::Health(settings()?),
    })
}
