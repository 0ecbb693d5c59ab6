//! The program: read the settings, then serve, or do one of the other things the command line can do.

use std::io::IsTerminal;
use std::process::ExitCode;

use flow_listener::{End, Signals};
use genkit_endpoints::settings::{self, Command, Settings, USAGE};
use genkit_endpoints::{adapters, flow, health, openapi, prompt, start, telemetry};

/// It takes less of the processor for each request than the one of the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match settings::from_process(&adapters::names(), api::FLOWS) {
        Ok(Command::Serve(settings)) => serve(&settings),
        Ok(Command::PromptRender(render)) => prompt::render(&render),
        Ok(Command::FlowRun(settings, arguments)) => flow::run(&settings, &arguments),
        Ok(Command::OpenApi(settings)) => openapi::print(&settings),
        Ok(Command::Health(settings)) => health::ask(&settings),
        Err(error) => {
            let code = error.exit_code();
            // If stderr is closed, the exit code reports the error.
            let _ = error.print();
            ExitCode::from(code)
        }
    }
}

#[expect(clippy::print_stderr, reason = "these failures come before there is a log")]
fn serve(settings: &Settings) -> ExitCode {
    let Some(adapter) = adapters::select(settings.server.framework.as_deref()) else {
        eprintln!(
            "No web framework is compiled in. Each adapter in Cargo.toml is a feature; choose at least one:\n\n    \
             cargo run --features NAME\n"
        );
        return ExitCode::from(USAGE);
    };
    let _log = match telemetry::init(settings, std::io::stdout().is_terminal()) {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(USAGE);
        }
    };
    match start::run(settings, adapter, Signals::of_process) {
        Ok(End::Drained) => ExitCode::SUCCESS,
        Ok(End::Forced) => ExitCode::from(130),
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
