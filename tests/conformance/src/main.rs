//! The real program with the test flows instead of the project's own.

use std::process::ExitCode;

use conformance::api::FLOWS;
use conformance::flows;
use conformance::routes::rpc; // eject: grpc
use conformance::routes::{COMPILED_IN, names};
use flow_listener::{End, Signals};
use genkit_endpoints::settings::{self, Command, USAGE};
use genkit_endpoints::{start, telemetry};

#[expect(clippy::print_stderr, reason = "these failures come before there is a log")]
fn main() -> ExitCode {
    let settings = match settings::from_process(&names(), FLOWS) {
        Ok(Command::Serve(settings)) => settings,
        other => {
            eprintln!("the test server only serves: {other:?}");
            return ExitCode::from(USAGE);
        }
    };
    let name = settings.server.framework.as_deref();
    let Some(adapter) = COMPILED_IN.iter().find(|it| name.is_none_or(|name| name == it.name)) else {
        eprintln!("no adapter is compiled in");
        return ExitCode::from(USAGE);
    };
    let _log = match telemetry::init(&settings, false) {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(USAGE);
        }
    };
    match start::run_flows(
        &settings,
        *adapter,
        rpc(), // eject: grpc
        flows,
        Signals::of_process,
    ) {
        Ok(End::Drained) => ExitCode::SUCCESS,
        Ok(End::Forced) => ExitCode::from(130),
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
