//! The log.

use clap::{ArgAction, Args};
use flow_settings::Given;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

use super::parse;

pub(super) const GROUP: &str = "Logs and metrics";

/// The log.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = GROUP)]
pub struct LogSettings {
    /// One JSON object a line, or lines for people.
    ///
    /// Default: console in debug or on a terminal, else json. Example: `json`
    #[arg(id = "log_format", long = "log-format", env = "LOG_FORMAT", value_name = "json|console")]
    #[arg(value_parser = format)]
    pub format: Option<LogFormat>,
    /// Least level of our own crates: off, error, warn, info, debug, trace.
    #[arg(id = "log_level", long = "log-level", env = "LOG_LEVEL", value_name = "LEVEL")]
    #[arg(default_value = "info", value_parser = level)]
    pub filter: LogFilter,
    /// Any value turns the colours of console logs off.
    ///
    /// Example: `1`
    #[arg(id = "no_color", env = "NO_COLOR", value_name = "ANY")]
    #[arg(default_value = "", hide_default_value = true, value_parser = parse::is_empty, action = ArgAction::Set)]
    pub color: bool,
}

impl LogSettings {
    /// `RUST_LOG` wins over `LOG_LEVEL`, but a flag still wins over the environment.
    pub(super) fn check(&mut self, rust_log: Option<&LogFilter>, given: &Given) {
        let (level, directives) = (given.rank("LOG_LEVEL"), given.rank("RUST_LOG"));
        if let Some(filter) = rust_log.filter(|_| level.is_none() || directives <= level) {
            self.filter = filter.clone();
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Console,
}

/// Which events are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFilter {
    /// Our own crates from this level up.
    Level(LevelFilter),
    /// `RUST_LOG`: levels per target.
    Directives(String),
}

fn format(text: &str) -> parse::Parsed<LogFormat> {
    match text {
        "json" => Ok(LogFormat::Json),
        "console" => Ok(LogFormat::Console),
        _ => Err("must be json or console"),
    }
}

fn level(text: &str) -> parse::Parsed<LogFilter> {
    parse::good(text, |_| true, "must be off, error, warn, info, debug or trace").map(LogFilter::Level)
}

pub(super) fn directives(text: &str) -> parse::Parsed<LogFilter> {
    let is_filter = EnvFilter::builder().parse(text).is_ok();
    parse::kept(text, is_filter, "must be levels per target, separated by commas").map(LogFilter::Directives)
}

/// Which spans there are inside of requests. The log does not show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spans {
    /// None.
    Off,
    /// Without prompts and answers.
    On,
    /// With them.
    WithContent,
}
