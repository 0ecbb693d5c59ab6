//! Logs: what is written, in which form, and what a panic leaves behind.
//!
//! Both forms go to standard output, one line per event: that is where container platforms look, and a program that
//! mixes two streams gives its reader two orders of events. Nothing here knows a framework or a flow. Nothing here
//! looks for secrets either: they are `secrecy` types, which print as `[REDACTED]`, and no event is given one.

#[cfg(test)]
mod tests;

use std::io;

use flow_log::{Json, Lines};
use flow_runtime::trace::{CONTENT, SPANS};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::platform; // eject: telemetry
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
    _log: flow_log::Guard,
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
    let json = json.with(platform::correlation(place));
    // eject: end
    let (log_settings, debug) = (&settings.log, settings.debug);
    let direct = subscriber(log_settings, debug, is_terminal, Spans::Off, json.clone(), io::stdout)?;
    let (writer, log) = flow_log::non_blocking(Dispatch::new(direct))?;
    let subscriber = subscriber(log_settings, debug, is_terminal, settings.spans(), json, writer)?;
    // eject: telemetry
    let (subscriber, traces) = traces::start(settings, subscriber)?;
    // eject: end
    subscriber.try_init()?;
    flow_log::log_panics(debug);
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
    Ok(tracing_subscriber::registry().with(filter).with(Lines::new(layer, SPANS)))
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
