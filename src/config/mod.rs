//! Settings: from flags, environment and dotenv files to typed values.
//!
//! `table.rs` is the one list of settings; flags, `--help`, the README table and `.example.env` are drawn
//! from it. Nothing else in the project reads the environment, and this module knows no framework.
//!
//! To add a setting: one row in `table.rs`, one field and one line in `settings.rs`.

mod cli;
mod docs;
mod dotenv;
mod error;
mod grpc;
mod parse;
mod resilience;
mod settings;
mod sources;
mod table;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

pub use self::cli::PromptRender;
pub use self::docs::{example_env, settings_markdown};
pub use self::error::{ConfigError, Fault, USAGE};
pub use self::grpc::{GrpcSettings, Tls};
pub use self::parse::LogFormat;
pub use self::resilience::ResilienceSettings;
pub use self::settings::{
    DEMO_MODEL, EdgeSettings, LogFilter, LogSettings, ModelSettings, PoolSettings, ServerSettings, Settings,
};
pub use self::table::{Fallback, SETTINGS, Setting};

/// What the command line asks for.
#[derive(Debug, Clone)]
pub enum Command {
    /// Serve the flows; the default.
    Serve(Box<Settings>),
    /// Show the messages a prompt file produces. Needs no setting to be valid.
    PromptRender(PromptRender),
}

/// Reads this process's arguments, environment and working directory.
///
/// `adapters` are the names of the compiled adapters, for `--framework`, `--help` and `--version`.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn from_process(adapters: &[&str]) -> Result<Command, ConfigError> {
    // A value that is not UTF-8 is kept with replacement characters, so that its parser names the key.
    let environment = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    load(adapters, std::env::args_os(), &environment, Path::new("."))
}

/// Reads settings from the given sources; `args` starts with the program's name, dotenv files are in `dir`.
pub fn load(
    adapters: &[&str],
    args: impl IntoIterator<Item = OsString>,
    environment: &dyn Fn(&str) -> Option<String>,
    dir: &Path,
) -> Result<Command, ConfigError> {
    let line = match cli::parse(adapters, args)? {
        cli::Parsed::PromptRender(render) => return Ok(Command::PromptRender(render)),
        cli::Parsed::Serve(line) => line,
    };
    let mut sources = sources::Sources::open(line, environment, dir);
    let settings = Settings::read(&mut sources, adapters);
    let faults = sources.into_faults();
    if faults.is_empty() { Ok(Command::Serve(Box::new(settings))) } else { Err(ConfigError::Invalid(faults)) }
}
