//! Logs: what is written, in which form, and what a panic leaves behind.
//!
//! Both forms go to standard output, one line per event: that is where container platforms look, and a program that
//! mixes two streams gives its reader two orders of events. Nothing here knows a framework or a flow. Nothing here
//! looks for secrets either: they are `secrecy` types, which print as `[REDACTED]`, and no event is given one.

mod json;
mod lines;
mod output;

#[cfg(test)]
mod tests;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io;
use std::panic::{self, PanicHookInfo};

use flow_runtime::trace::{CONTENT, SPANS};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use self::json::Json;
use self::lines::Lines;
use crate::sentry; // eject: sentry
use crate::settings::{LogFilter, LogFormat, LogSettings, Settings, Spans};
use crate::traces; // eject: telemetry

/// Our own targets by how they begin; a new crate belongs here. They log at `LOG_LEVEL`, everybody
/// else at warn: what a dependency says at info is about itself, or it is about the request and private.
const OURS: [&str; 4] = [env!("CARGO_CRATE_NAME"), "flow_", "adapter_", "genkit"];
/// Dependencies for which each malformed request of a client is an error. Only at debug is it of interest.
const LOGS_CLIENTS_MISTAKES: &[&str] = &[
    "actix_http", // eject: actix
];

/// Keeps log and traces going; dropped, it lets the last of both be written.
#[must_use = "dropping it ends the log"]
#[derive(Debug)]
pub struct Guard {
    // Traces are first: what their end says is in the log.
    _traces: Option<traces::Guard>, // eject: telemetry
    sentry: Option<sentry::Guard>,  // eject: sentry
    _log: output::Guard,
}

// eject: sentry
impl Drop for Guard {
    fn drop(&mut self) {
        // The last events are sent while the last spans are.
        if let Some(sentry) = &mut self.sentry {
            sentry.close();
        }
    }
}

// eject: end
/// Starts logging for the whole process and makes panics log themselves.
///
/// `is_terminal` is whether standard output is one; with debug it decides the format nobody chose.
pub fn init(settings: &Settings, is_terminal: bool) -> anyhow::Result<Guard> {
    let json = Json::default();
    // eject: telemetry
    let place = settings.telemetry.place();
    let json = json.with(place.correlation());
    // eject: end
    let (log_settings, debug) = (&settings.log, settings.debug);
    let direct = subscriber(log_settings, debug, is_terminal, Spans::Off, json.clone(), io::stdout)?;
    let (writer, log) = output::non_blocking(Dispatch::new(direct));
    let subscriber = subscriber(log_settings, debug, is_terminal, settings.spans(), json, writer)?;
    // eject: telemetry
    let (subscriber, traces) = traces::start(settings, subscriber)?;
    // eject: end
    subscriber.try_init()?;
    log_panics(debug);
    let sentry = sentry::start(settings)?; // eject: sentry
    place.tell(settings.telemetry.endpoint.is_some()); // eject: telemetry
    Ok(Guard {
        _traces: traces, // eject: telemetry
        sentry,          // eject: sentry
        _log: log,
    })
}

fn subscriber<W>(
    settings: &LogSettings,
    debug: bool,
    is_terminal: bool,
    spans: Spans,
    json: Json,
    writer: W,
) -> Result<impl Subscriber + for<'l> LookupSpan<'l> + Send + Sync + 'static, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let for_people = if debug || is_terminal { LogFormat::Console } else { LogFormat::Json };
    let layer = match settings.format.unwrap_or(for_people) {
        LogFormat::Json => {
            fmt::layer().with_writer(writer).fmt_fields(Json::default()).event_format(json).boxed()
        }
        LogFormat::Console => {
            fmt::layer().with_writer(writer).with_ansi(settings.color && is_terminal).compact().boxed()
        }
    };
    let at = |level, is_on| if is_on { level } else { LevelFilter::OFF };
    let inner = at(LevelFilter::INFO, spans != Spans::Off);
    let content = at(LevelFilter::TRACE, spans == Spans::WithContent);
    let filter = format!("{},{SPANS}={inner},{CONTENT}={content}", directives(&settings.filter));
    let filter = EnvFilter::builder().parse(filter)?;
    Ok(tracing_subscriber::registry().with(filter).with(Lines(layer)))
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
