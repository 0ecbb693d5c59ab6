//! Logs: what is written, in which form, and what a panic leaves behind.
//!
//! Both forms go to standard output, one line per event: that is where container platforms look, and a program that
//! mixes two streams gives its reader two orders of events. Nothing here knows a framework or a flow. Nothing here
//! looks for secrets either: they are `secrecy` types, which print as `[REDACTED]`, and no event is given one.

mod json;
mod output;

#[cfg(test)]
mod tests;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io;
use std::panic::{self, PanicHookInfo};

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer};

use self::json::Json;
pub use self::output::Guard;
use crate::settings::{LogFilter, LogFormat, LogSettings};

/// Our own targets by how they begin; a new crate belongs here. They log at `LOG_LEVEL`, everybody
/// else at warn: what a dependency says at info is about itself, or it is about the request and private.
const OURS: [&str; 4] = [env!("CARGO_CRATE_NAME"), "flow_", "adapter_", "genkit"];
/// Dependencies for which each malformed request of a client is an error. Only at debug is it of interest.
const LOGS_CLIENTS_MISTAKES: &[&str] = &[
    "actix_http", // eject: actix
];

/// Logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("the log filter is wrong")]
    Filter(#[from] ParseError),
    /// Someone else was first.
    #[error("another subscriber is already installed")]
    Installed(#[from] TryInitError),
}

/// Starts logging for the whole process and makes panics log themselves.
///
/// `is_terminal` is whether standard output is one; with `debug` it decides the format nobody chose.
pub fn init(settings: &LogSettings, debug: bool, is_terminal: bool) -> Result<Guard, TelemetryError> {
    let direct = Dispatch::new(subscriber(settings, debug, is_terminal, io::stdout)?);
    let (writer, guard) = output::non_blocking(direct);
    subscriber(settings, debug, is_terminal, writer)?.try_init()?;
    log_panics(debug);
    Ok(guard)
}

fn subscriber<W>(
    settings: &LogSettings,
    debug: bool,
    is_terminal: bool,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + 'static, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let for_people = if debug || is_terminal { LogFormat::Console } else { LogFormat::Json };
    let layer = match settings.format.unwrap_or(for_people) {
        LogFormat::Json => fmt::layer().with_writer(writer).fmt_fields(Json).event_format(Json).boxed(),
        LogFormat::Console => {
            fmt::layer().with_writer(writer).with_ansi(settings.color && is_terminal).compact().boxed()
        }
    };
    let filter = EnvFilter::builder().parse(directives(&settings.filter))?;
    Ok(tracing_subscriber::registry().with(filter).with(layer))
}

fn directives(filter: &LogFilter) -> String {
    match filter {
        LogFilter::Level(level) => {
            let others = (*level).min(LevelFilter::WARN);
            let quiet = if *level < LevelFilter::DEBUG { LOGS_CLIENTS_MISTAKES } else { &[] };
            let ours = OURS.iter().map(|name| format!("{name}={level}"));
            let quiet = quiet.iter().map(|name| format!("{name}=off"));
            [others.to_string()].into_iter().chain(ours).chain(quiet).collect::<Vec<_>>().join(",")
        }
        LogFilter::Directives(directives) => directives.clone(),
    }
}

/// Makes a panic an ordinary event, so that it carries the request's id, stays on one line, and waits for nobody, as
/// the usual report on standard error would. Its payload may quote user data and is shown in debug only, as is the
/// stack where `RUST_BACKTRACE` asks for it.
fn log_panics(debug: bool) {
    panic::set_hook(Box::new(move |info| log_panic(info, debug)));
}

fn log_panic(info: &PanicHookInfo<'_>, debug: bool) {
    let location = info.location().map(tracing::field::display);
    let payload = info.payload_as_str().filter(|_| debug);
    let thread = std::thread::current();
    let stack = debug.then(Backtrace::capture).filter(|it| it.status() == BacktraceStatus::Captured);
    let stack = stack.as_ref().map(tracing::field::display);
    tracing::error!(location, payload, thread = thread.name(), stack, "panicked");
}
