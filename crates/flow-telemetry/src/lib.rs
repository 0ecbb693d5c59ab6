#![doc = include_str!("../README.md")]

mod caller;
mod client;
mod error;
mod export;
mod metrics;
mod names;
mod place;
mod platform;
mod propagate;
// eject: dev-ui
#[cfg(feature = "recent")]
mod recent;
// eject: end
mod recorded;
mod server;
mod settings;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use flow_edge::edge::observe::UNRECORDED;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::Sampler::AlwaysOn;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Runtime;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::registry::LookupSpan;

pub use error::TelemetryError;
pub use metrics::Metrics;
use names::Named;
pub use opentelemetry_sdk::trace::SpanData;
pub use place::Place;
pub use platform::{Cloud, MetadataError, Platform, detect};
pub use propagate::{context_of, inject};
// eject: dev-ui
#[cfg(feature = "recent")]
pub use recent::Recent;
// eject: end
use recorded::Recorded;
pub use server::ServerSpans;
pub use settings::{Collector, Protocol, Sampler, TelemetrySettings};
pub use watch::SpanWatcher;
use watch::Watched;

/// How long the end of the process waits for the last spans to be sent.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// Traces, on their way to a collector and to those who watch them here.
///
/// Spans are queued and sent by threads of their own: a collector that is slow, away or refuses them costs spans, never
/// a request. The queue has `OTEL_BSP_MAX_QUEUE_SIZE` places (2,048); what finds none is dropped.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
    /// Whether spans begin as soon as their work does. Else they are made at its end, which takes less.
    live: bool,
    /// What sends the spans; it ends after the provider.
    runtime: Option<Runtime>,
}

impl Telemetry {
    /// Starts to send spans to the collector, if there is one, and to show them to the watchers. The collector is not asked
    /// before there are some.
    pub fn start(
        settings: &TelemetrySettings,
        watchers: Vec<Arc<dyn SpanWatcher>>,
    ) -> Result<Self, TelemetryError> {
        let provider = SdkTracerProvider::builder().with_sampler(AlwaysOn);
        let mut provider = provider.with_resource(export::resource(settings));
        let mut runtime = None;
        if let Some(collector) = &settings.collector {
            let own = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("telemetry")
                .enable_all()
                .build()?;
            let exporter = export::spans(collector, own.handle())?;
            provider = provider.with_batch_exporter(Named { exporter, content: collector.content });
            runtime = Some(own);
        }
        let live = !watchers.is_empty();
        if live {
            provider = provider.with_span_processor(Watched(watchers));
        }
        Ok(Self { provider: provider.build(), live, runtime })
    }

    /// The layer that makes OpenTelemetry's spans of `tracing`'s. Those with the target `inner` are left out inside of
    /// requests whose traces are not recorded.
    pub fn layer<S>(&self, inner: &'static str) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'l> LookupSpan<'l> + Send + Sync,
    {
        let tracer = self.provider.tracer(env!("CARGO_PKG_NAME"));
        // What is written to the log stays there. What is not recorded was decided before its span was made.
        let filter = FilterFn::new(|it: &Metadata<'_>| it.is_span() && it.target() != UNRECORDED);
        // Where in the source a span began, and on which thread, is of no use to who reads a trace of a flow. Nothing here
        // asks for OpenTelemetry's own current span, but a span that is active has begun.
        let spans = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_context_activation(self.live)
            .with_filter(filter);
        Recorded(inner).and_then(spans)
    }
}

/// Sends the last spans, for at most a second: with the metrics' 0.4 seconds and the log's half of one, an eight second grace
/// ends inside of the ten that platforms give.
impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_SPANS) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
