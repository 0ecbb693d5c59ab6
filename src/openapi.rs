//! `openapi`: prints the OpenAPI document of the compiled adapter.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Context;

use crate::settings::Settings;
use crate::{adapters, start};

/// Writes the document to stdout, as `/openapi.json` answers it.
#[expect(clippy::print_stderr, reason = "this is a program's output")]
pub fn print(settings: &Settings) -> ExitCode {
    match try_print(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn try_print(settings: &Settings) -> anyhow::Result<()> {
    let adapter = adapters::select(settings.server.framework.as_deref());
    let adapter = adapter.context("no web framework is compiled in, so there are no routes to describe")?;
    let document = (adapter.openapi)(&start::app(settings)?);
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{document:#}").and_then(|()| stdout.flush()) {
        // A reader that leaves early, as `head` does, is no failure of ours.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("stdout"),
        _ => Ok(()),
    }
}
