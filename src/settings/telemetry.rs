//! Traces. The names of the variables, and what they mean, are OpenTelemetry's.
//!
//! Of its other variables, those of the batches that spans are sent in (`OTEL_BSP_…`), of their limits
//! (`OTEL_SPAN_…_LIMIT`), and of an export's time and compression (`OTEL_EXPORTER_OTLP_TIMEOUT`, `…_COMPRESSION`) are
//! read by its own libraries, from the environment alone.

use clap::{ArgAction, Args};
use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use super::parse::{self, Parsed};
use crate::platform::Place;

/// Where traces go, and which of them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Telemetry")]
#[expect(clippy::struct_excessive_bools, reason = "switches, independent of each other")]
pub struct TelemetrySettings {
    /// Send no traces, wherever they would go.
    #[arg(long = "no-telemetry", env = "GENKIT_TELEMETRY_DISABLED")]
    pub no_telemetry: bool,
    /// OpenTelemetry's own name for `--no-telemetry`.
    #[arg(id = "otel_disabled", env = "OTEL_SDK_DISABLED", value_name = "BOOL")]
    #[arg(default_value = "false", value_parser = parse::boolean, action = ArgAction::Set)]
    pub sdk_disabled: bool,
    /// Collector that gets the traces, by OTLP. Over HTTP, `/v1/traces` is added.
    ///
    /// Default: no traces. Example: `http://127.0.0.1:4318`
    #[arg(
        id = "otel_endpoint",
        long = "otel-endpoint",
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "URL"
    )]
    #[arg(value_parser = parse::base_url)]
    pub endpoint: Option<String>,
    /// Name of this program in traces.
    #[arg(
        id = "otel_service_name",
        long = "otel-service-name",
        env = "OTEL_SERVICE_NAME",
        value_name = "NAME"
    )]
    #[arg(default_value = env!("CARGO_PKG_NAME"), value_parser = parse::text)]
    pub service_name: String,
    /// Headers of each export, such as a key, by commas.
    ///
    /// Default: none. Example: `api-key=SECRET`
    #[arg(
        id = "otel_headers",
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        hide_env_values = true,
        value_name = "NAME=VALUE"
    )]
    #[arg(value_parser = headers, action = ArgAction::Set)]
    pub headers: Option<Headers>,
    /// Which traces are recorded. `parentbased_…` does as the caller's trace says, if there is one.
    #[arg(id = "otel_sampler", env = "OTEL_TRACES_SAMPLER", value_name = "NAME")]
    #[arg(default_value = "parentbased_always_on", value_parser = sampler)]
    pub sampler: Sampler,
    /// Part of the traces that `traceidratio` and `parentbased_traceidratio` record, from 0 to 1.
    #[arg(id = "otel_sampler_arg", env = "OTEL_TRACES_SAMPLER_ARG", value_name = "RATIO")]
    #[arg(default_value = "1", value_parser = ratio)]
    pub ratio: f64,
    /// What else traces say of this process, by commas.
    ///
    /// Default: nothing. Example: `deployment.environment.name=staging`
    #[arg(id = "otel_resource", env = "OTEL_RESOURCE_ATTRIBUTES", value_name = "NAME=VALUE")]
    #[arg(value_parser = attributes, action = ArgAction::Set)]
    pub resource: Option<Attributes>,
    /// Send prompts and answers with the traces. They are personal data, and long.
    #[arg(id = "otel_content", long = "otel-capture-content")]
    #[arg(env = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")]
    pub capture_content: bool,
    /// Whether the collector gets the metrics, too.
    #[arg(id = "otel_metrics", env = "OTEL_METRICS_EXPORTER", value_name = "otlp|none")]
    #[arg(default_value = "otlp", value_parser = metrics, action = ArgAction::Set)]
    pub metrics: bool,
    // eject: grpc
    /// Protocol of the collector. `grpc` needs the feature of that name.
    #[arg(help_heading = "Traces over gRPC", id = "otel_protocol", long = "otel-protocol")]
    #[arg(env = "OTEL_EXPORTER_OTLP_PROTOCOL", value_name = "http/protobuf|grpc")]
    #[arg(default_value = "http/protobuf", value_parser = protocol)]
    pub protocol: OtlpProtocol,
    // eject: end
    /// Where this process runs; nowhere if telemetry is off.
    #[arg(skip)]
    pub place: Place,
}

impl TelemetrySettings {
    /// Where traces go, if they go anywhere.
    pub fn collector(&self) -> Option<&str> {
        self.endpoint.as_deref().filter(|_| !self.is_off())
    }

    /// Whether it is turned off.
    pub fn is_off(&self) -> bool {
        self.no_telemetry || self.sdk_disabled
    }

    /// Looks for the platform in the environment.
    #[cfg(feature = "telemetry")]
    pub(super) fn find_place(&mut self, environment: &dyn Fn(&str) -> Option<String>) {
        if !self.is_off() {
            self.place = Place::find(environment);
        }
    }

    /// Where this process runs. If anything is sent, what only a metadata server knows is asked for first.
    pub fn place(&self) -> &Place {
        if self.collector().is_some() {
            self.place.complete();
        }
        &self.place
    }

    /// Where metrics go, if they go anywhere.
    pub fn metrics_collector(&self) -> Option<&str> {
        self.collector().filter(|_| self.metrics)
    }

    /// Whether there are traces at all.
    pub fn is_on(&self) -> bool {
        self.collector().is_some()
    }

    /// Whether spans hold prompts and answers.
    pub fn has_content(&self) -> bool {
        self.is_on() && self.capture_content
    }
}

// eject: grpc
/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// Protocol buffers over HTTP.
    HttpProtobuf,
    /// gRPC.
    Grpc,
}

// eject: end

/// Which traces are recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampler {
    /// Whether the caller's decision counts.
    pub parent_based: bool,
    /// Which part of those that nobody has decided on; `None` is the one that is set.
    pub part: Option<f64>,
}

/// Headers whose values are secret.
#[derive(Debug, Clone)]
pub struct Headers(pub Vec<(String, SecretString)>);

/// Names and values.
#[derive(Debug, Clone)]
pub struct Attributes(pub Vec<(String, String)>);

// eject: grpc
fn protocol(text: &str) -> Parsed<OtlpProtocol> {
    match text {
        "http/protobuf" => Ok(OtlpProtocol::HttpProtobuf),
        "grpc" if cfg!(feature = "grpc") => Ok(OtlpProtocol::Grpc),
        "grpc" => Err("grpc needs the feature `grpc`, which this program was built without"),
        _ => Err("must be http/protobuf or grpc"),
    }
}

// eject: end

fn metrics(text: &str) -> Parsed<bool> {
    match text {
        "otlp" => Ok(true),
        "none" => Ok(false),
        _ => Err("must be otlp or none"),
    }
}

fn sampler(text: &str) -> Parsed<Sampler> {
    let (parent_based, rest) = text.strip_prefix("parentbased_").map_or((false, text), |it| (true, it));
    let part = match rest {
        "always_on" => Some(1.0),
        "always_off" => Some(0.0),
        "traceidratio" => None,
        _ => return Err("must be always_on, always_off, traceidratio, or one of them after parentbased_"),
    };
    Ok(Sampler { parent_based, part })
}

fn ratio(text: &str) -> Parsed<f64> {
    parse::good(text, |it| (0.0..=1.0).contains(it), "must be a number from 0 to 1")
}

fn headers(text: &str) -> Parsed<Headers> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it))
    };
    let pairs = pairs(text).filter(|them| them.iter().all(|(name, _)| is_name(name)));
    let secret = |(name, value): (String, String)| (name.to_ascii_lowercase(), value.into());
    let pairs = pairs.ok_or("must be pairs of a header's name and its value, as in api-key=SECRET")?;
    Ok(Headers(pairs.into_iter().map(secret).collect()))
}

fn attributes(text: &str) -> Parsed<Attributes> {
    pairs(text).map(Attributes).ok_or("must be pairs of a name and a value, as in name=value")
}

/// Names and values as in W3C Baggage: `a=1,b=2`, where `%20` is a blank.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |item: &str| {
        let (name, value) = item.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let is_plain = value.bytes().all(|it| it.is_ascii_graphic() || it == b' ');
        (!name.trim().is_empty() && is_plain).then(|| (name.trim().to_owned(), value.into_owned()))
    };
    parse::items(text, ',').map(pair).collect()
}
