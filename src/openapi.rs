//! `openapi`: prints the OpenAPI document of the compiled adapter.

use std::io::Write as _;
use std::process::ExitCode;

use crate::settings::Settings;
use crate::{adapters, start};

/// Writes the document to stdout.
#[expect(clippy::print_stderr, reason = "this is a program's output")]
pub fn print(settings: &Settings) -> ExitCode {
    let Some(adapter) = adapters::select(settings.server.framework.as_deref()) else {
        eprintln!("No web framework is compiled in, so there are no routes to describe.");
        return ExitCode::FAILURE;
    };
    let app = match start::app(settings) {
        Ok(app) => app,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let document = (adapter.openapi)(&app);
    // A reader that leaves early, as `head` does, is no failure of ours.
    let _ = writeln!(std::io::stdout(), "{document:#}");
    ExitCode::SUCCESS
}
