//! Metrics, on their way to the same collector.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use metrics::{CounterFn, GaugeFn, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{Registry, Storage};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundCounter, BoundGauge, BoundHistogram, Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use tokio::runtime::Handle;

use crate::error::TelemetryError;
use crate::export;
use crate::settings::{Collector, TelemetrySettings};

/// How long the end of the process waits for the last numbers to be sent.
const LAST_NUMBERS: Duration = Duration::from_millis(400);

/// Sends metrics; dropped, it sends the last numbers, for at most 0.4 seconds.
///
/// They are sent every minute (`OTEL_METRIC_EXPORT_INTERVAL`, in milliseconds) by a thread of its own.
#[derive(Debug)]
pub struct Metrics {
    provider: SdkMeterProvider,
}

impl Metrics {
    /// Starts to send what the recorder is told, to this collector. Requests to it run on this runtime.
    pub fn start(
        settings: &TelemetrySettings,
        collector: &Collector,
        runtime: &Handle,
    ) -> Result<(Self, impl Recorder + Send + Sync + use<>), TelemetryError> {
        let exporter = export::metrics(collector, runtime)?;
        let provider = SdkMeterProvider::builder()
            .with_resource(export::resource(settings))
            .with_periodic_exporter(exporter)
            .build();
        let meter = provider.meter(env!("CARGO_PKG_NAME"));
        Ok((Self { provider }, Instruments(Registry::new(Meters(meter)))))
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        let (provider, (ended, has_ended)) = (self.provider.clone(), mpsc::channel());
        // The provider waits for as long as an export may take (10 s), whatever time it is given.
        let ending = thread::Builder::new().name("metrics-end".to_owned()).spawn(move || {
            let _ = ended.send(provider.shutdown());
        });
        let outcome = ending.ok().and_then(|_| has_ended.recv_timeout(LAST_NUMBERS).ok());
        match outcome {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "the last metrics could not be sent"),
            None => tracing::warn!("the last metrics could not be sent in time"),
        }
    }
}

/// A recorder of OpenTelemetry's instruments. The crate that does this, `metrics-exporter-opentelemetry`, wants an older
/// OpenTelemetry, which would be compiled in beside this one.
struct Instruments(Registry<Key, Meters>);

impl Recorder for Instruments {
    // What is said of a metric is in the table that its instrument is made by.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        self.0.get_or_create_counter(key, |it| it.clone().into())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        self.0.get_or_create_gauge(key, |it| it.clone().into())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        self.0.get_or_create_histogram(key, |it| it.clone().into())
    }
}

/// Makes instruments of a metric with its labels. They are bound to these, so that measuring looks nothing up.
struct Meters(Meter);

impl Storage<Key> for Meters {
    type Counter = Arc<Sum>;
    type Gauge = Arc<Level>;
    type Histogram = Arc<Times>;

    fn counter(&self, key: &Key) -> Self::Counter {
        let builder = self.0.u64_counter(key.name().to_owned());
        let instrument = match flow_metrics::find(key.name()) {
            Some(it) => builder.with_unit(it.unit).with_description(it.about).build(),
            None => builder.build(),
        };
        let bound = instrument.bind(&labels(key));
        // So that it is there before it counts, as Prometheus has it.
        bound.add(0);
        Arc::new(Sum { bound, told: AtomicU64::new(0) })
    }

    fn gauge(&self, key: &Key) -> Self::Gauge {
        let builder = self.0.f64_gauge(key.name().to_owned());
        let instrument = match flow_metrics::find(key.name()) {
            Some(it) => builder.with_unit(it.unit).with_description(it.about).build(),
            None => builder.build(),
        };
        Arc::new(Level { bound: instrument.bind(&labels(key)), bits: AtomicU64::new(0) })
    }

    fn histogram(&self, key: &Key) -> Self::Histogram {
        let mut builder = self.0.f64_histogram(key.name().to_owned());
        if let Some(it) = flow_metrics::find(key.name()) {
            builder = builder.with_unit(it.unit).with_description(it.about);
            builder = builder.with_boundaries(it.limits().unwrap_or_default().to_vec());
        }
        Arc::new(Times(builder.build().bind(&labels(key))))
    }
}

fn labels(key: &Key) -> Vec<KeyValue> {
    key.labels().map(|it| KeyValue::new(it.key().to_owned(), it.value().to_owned())).collect()
}

/// A sum that only grows.
struct Sum {
    bound: BoundCounter<u64>,
    /// What it was last told to stand at, if it was.
    told: AtomicU64,
}

impl CounterFn for Sum {
    fn increment(&self, value: u64) {
        self.bound.add(value);
    }

    fn absolute(&self, value: u64) {
        let before = self.told.fetch_max(value, Ordering::Relaxed);
        self.increment(value.saturating_sub(before));
    }
}

/// A number that rises and falls.
struct Level {
    bound: BoundGauge<f64>,
    /// What it stands at, as the bits of a floating-point number.
    bits: AtomicU64,
}

impl Level {
    fn change(&self, change: impl Fn(f64) -> f64) {
        let next = |bits| Some(change(f64::from_bits(bits)).to_bits());
        let before = self.bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        self.bound.record(change(f64::from_bits(before.unwrap_or_else(|unchanged| unchanged))));
    }
}

impl GaugeFn for Level {
    fn increment(&self, value: f64) {
        self.change(|it| it + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|it| it - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

/// A histogram.
struct Times(BoundHistogram<f64>);

impl HistogramFn for Times {
    fn record(&self, value: f64) {
        self.0.record(value);
    }
}
