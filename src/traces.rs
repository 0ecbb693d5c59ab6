//! Traces of requests, from the edge to the model server, on their way to a collector or to the development page.
//!
//! Only this file knows OpenTelemetry. Without the feature `telemetry`, or where nobody wants them, there are none, and
//! spans for them are not made.

#[cfg(feature = "telemetry")]
use std::sync::Arc;
#[cfg(all(feature = "telemetry", feature = "dev-ui"))] // eject: dev-ui
use std::sync::LazyLock; // eject: dev-ui

use flow_edge::edge::EdgeConfig;
use flow_models::ProviderSettings;
#[cfg(feature = "telemetry")]
use flow_runtime::trace::SPANS;
use tracing::Subscriber;
use tracing_subscriber::registry::LookupSpan;

use crate::settings::{Settings, TelemetrySettings};

/// What the spans of this program go to.
pub trait Traced: Subscriber + for<'l> LookupSpan<'l> + Send + Sync + 'static {}

impl<S: Subscriber + for<'l> LookupSpan<'l> + Send + Sync + 'static> Traced for S {}

/// Keeps traces going; dropped, it sends the last of them.
#[cfg(feature = "telemetry")]
pub type Guard = telemetry::Telemetry;

/// There are no traces in this program.
#[cfg(not(feature = "telemetry"))]
pub type Guard = std::convert::Infallible;

// eject: dev-ui
/// The last traces of this process, as it has one log.
#[cfg(all(feature = "telemetry", feature = "dev-ui"))]
static RECENT: LazyLock<Arc<telemetry::Recent>> = LazyLock::new(Arc::default);
// eject: end

/// Starts to make traces of what goes to the log, if somebody wants them.
#[cfg(feature = "telemetry")]
pub fn start<S>(settings: &Settings, log: S) -> anyhow::Result<(impl Traced, Option<Guard>)>
where
    S: Traced,
{
    use anyhow::Context as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    let watchers = watchers(settings);
    if !settings.telemetry.is_on() && watchers.is_empty() {
        return Ok((log.with(None), None));
    }
    let traces = telemetry::Telemetry::start(&exports(&settings.telemetry), watchers);
    let traces = traces.context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    Ok((log.with(Some(traces.layer(SPANS))), Some(traces)))
}

/// Keeps metrics going; dropped, it sends the last of them.
#[cfg(feature = "telemetry")]
pub type MetricsGuard = telemetry::Metrics;

/// There is no collector in this program.
#[cfg(not(feature = "telemetry"))]
pub type MetricsGuard = std::convert::Infallible;

/// What sends metrics to the collector, if it gets them.
#[cfg(feature = "telemetry")]
pub fn metrics(
    settings: &TelemetrySettings,
) -> anyhow::Result<Option<(MetricsGuard, impl metrics::Recorder + Send + Sync + use<>)>> {
    use anyhow::Context as _;

    let exports = exports(settings);
    let Some(collector) = exports.collector.as_ref().filter(|_| settings.metrics) else { return Ok(None) };
    let runtime = tokio::runtime::Handle::current();
    let sending = telemetry::Metrics::start(&exports, collector, &runtime);
    sending.map(Some).context("OTEL_EXPORTER_OTLP_ENDPOINT")
}

/// Who looks at traces inside of this process.
#[cfg(feature = "telemetry")]
fn watchers(settings: &Settings) -> Vec<Arc<dyn telemetry::SpanWatcher>> {
    let mut watchers: Vec<Arc<dyn telemetry::SpanWatcher>> = Vec::new();
    // eject: dev-ui
    #[cfg(feature = "dev-ui")]
    if settings.keeps_traces() {
        watchers.push(RECENT.clone());
    }
    // eject: end
    // eject: reflection
    #[cfg(feature = "reflection")]
    if let Some(tools) = crate::reflection::watcher(settings) {
        watchers.push(tools);
    }
    // eject: end
    let _ = (settings, &mut watchers);
    watchers
}

/// What is sent, and where to.
#[cfg(feature = "telemetry")]
fn exports(settings: &TelemetrySettings) -> telemetry::TelemetrySettings {
    use crate::settings::OtlpProtocol; // eject: grpc

    // eject: grpc
    let protocol = match settings.protocol {
        OtlpProtocol::HttpProtobuf => telemetry::Protocol::HttpProtobuf,
        OtlpProtocol::Grpc => telemetry::Protocol::Grpc,
    };
    // eject: end
    let collector = settings.collector().map(|endpoint| telemetry::Collector {
        protocol, // eject: grpc
        headers: settings.headers.as_ref().map(|it| it.0.clone()).unwrap_or_default(),
        content: settings.capture_content,
        ..telemetry::Collector::new(endpoint)
    });
    telemetry::TelemetrySettings {
        service_version: env!("CARGO_PKG_VERSION").to_owned(),
        resource: settings.place().resource(settings.resource.as_ref().map_or(&[], |it| &it.0)),
        collector,
        ..telemetry::TelemetrySettings::new(&settings.service_name)
    }
}

/// The edge and the models, as parts of a trace.
#[cfg(feature = "telemetry")]
pub fn join(
    settings: &Settings,
    mut edge: EdgeConfig,
    mut models: ProviderSettings,
) -> (EdgeConfig, ProviderSettings) {
    // eject: dev-ui
    #[cfg(feature = "dev-ui")]
    if settings.keeps_traces() {
        edge.traces = Some(RECENT.clone());
    }
    // eject: end
    if !settings.telemetry.is_on() && watchers(settings).is_empty() {
        return (edge, models);
    }
    let settings = &settings.telemetry;
    let part = settings.sampler.part.unwrap_or(settings.ratio);
    let sampler = telemetry::Sampler { parent_based: settings.sampler.parent_based, part };
    edge.observers.push(Arc::new(telemetry::ServerSpans::new(sampler).on(settings.place.cloud())));
    models.propagate = Some(telemetry::inject);
    (edge, models)
}

/// There are no traces: they are not compiled in, and settings that name a collector have been refused.
#[cfg(not(feature = "telemetry"))]
pub fn start<S: Traced>(_: &Settings, log: S) -> anyhow::Result<(S, Option<Guard>)> {
    Ok((log, None))
}

/// There is no collector.
#[cfg(not(feature = "telemetry"))]
pub fn metrics(_: &TelemetrySettings) -> anyhow::Result<Option<(MetricsGuard, metrics::NoopRecorder)>> {
    Ok(None)
}

/// There is nothing to be a part of.
#[cfg(not(feature = "telemetry"))]
pub fn join(_: &Settings, edge: EdgeConfig, models: ProviderSettings) -> (EdgeConfig, ProviderSettings) {
    (edge, models)
}
