//! The exporters: one for each protocol.

use std::collections::HashMap;

use opentelemetry::KeyValue;
#[cfg(feature = "grpc")] // eject: grpc
use opentelemetry_otlp::WithTonicConfig; // eject: grpc
use opentelemetry_otlp::{
    MetricExporter, Protocol as OtlpProtocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use secrecy::ExposeSecret as _;
use tokio::runtime::Handle;

use crate::client::Client;
use crate::error::TelemetryError;
use crate::settings::{Collector, Protocol, TelemetrySettings};

/// Where they are sent to over HTTP (OTLP specification, "OTLP/HTTP Request").
const TRACES: &str = "/v1/traces";
const METRICS: &str = "/v1/metrics";

/// What is said of this process.
pub(crate) fn resource(settings: &TelemetrySettings) -> Resource {
    let attribute = |name: &str, value: &str| KeyValue::new(name.to_owned(), value.to_owned());
    let attributes = settings.resource.iter().map(|(name, value)| attribute(name, value));
    Resource::builder()
        .with_service_name(settings.service_name.clone())
        .with_attribute(attribute("service.version", &settings.service_version))
        .with_attributes(attributes)
        .build()
}

/// What sends spans, as the collector wants them.
pub(crate) fn spans(collector: &Collector, runtime: &Handle) -> Result<SpanExporter, TelemetryError> {
    // What connects belongs to the runtime that it is made on.
    let _on_runtime = runtime.enter();
    let built = match collector.protocol {
        Protocol::HttpProtobuf => {
            over_http(collector, runtime, TRACES, SpanExporter::builder().with_http())?.build()
        }
        // eject: grpc
        #[cfg(feature = "grpc")]
        Protocol::Grpc => over_grpc(collector, SpanExporter::builder().with_tonic())?.build(),
        #[cfg(not(feature = "grpc"))]
        Protocol::Grpc => return Err(wrong(&"gRPC is not compiled in")),
        // eject: end
    };
    built.map_err(|error| wrong(&error))
}

/// What sends numbers, as the collector wants them.
pub(crate) fn metrics(collector: &Collector, runtime: &Handle) -> Result<MetricExporter, TelemetryError> {
    // What connects belongs to the runtime that it is made on.
    let _on_runtime = runtime.enter();
    let built = match collector.protocol {
        Protocol::HttpProtobuf => {
            over_http(collector, runtime, METRICS, MetricExporter::builder().with_http())?.build()
        }
        // eject: grpc
        #[cfg(feature = "grpc")]
        Protocol::Grpc => over_grpc(collector, MetricExporter::builder().with_tonic())?.build(),
        #[cfg(not(feature = "grpc"))]
        Protocol::Grpc => return Err(wrong(&"gRPC is not compiled in")),
        // eject: end
    };
    built.map_err(|error| wrong(&error))
}

fn wrong(error: &dyn std::fmt::Display) -> TelemetryError {
    TelemetryError::Exporter(error.to_string())
}

fn over_http<B: WithHttpConfig + WithExportConfig>(
    collector: &Collector,
    runtime: &Handle,
    path: &str,
    builder: B,
) -> Result<B, TelemetryError> {
    Ok(builder
        .with_http_client(Client::new(runtime.clone()).map_err(|error| wrong(&error))?)
        .with_protocol(OtlpProtocol::HttpBinary)
        .with_endpoint(format!("{}{path}", collector.endpoint.trim_end_matches('/')))
        .with_headers(headers(collector)))
}

// eject: grpc
#[cfg(feature = "grpc")]
fn over_grpc<B: WithTonicConfig + WithExportConfig>(
    collector: &Collector,
    builder: B,
) -> Result<B, TelemetryError> {
    let metadata = metadata(collector).map_err(|error| wrong(&error))?;
    let mut builder = builder.with_endpoint(collector.endpoint.clone()).with_metadata(metadata);
    if collector.endpoint.starts_with("https:") {
        let tls = tonic::transport::ClientTlsConfig::new();
        builder = builder.with_tls_config(tls.with_enabled_roots());
    }
    Ok(builder)
}

// eject: end
fn headers(collector: &Collector) -> HashMap<String, String> {
    let headers = collector.headers.iter();
    headers.map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect()
}

// eject: grpc
#[cfg(feature = "grpc")]
fn metadata(collector: &Collector) -> Result<tonic::metadata::MetadataMap, http::Error> {
    let mut headers = http::HeaderMap::new();
    for (name, value) in &collector.headers {
        let mut value = http::HeaderValue::from_str(value.expose_secret())?;
        value.set_sensitive(true);
        headers.insert(name.parse::<http::HeaderName>()?, value);
    }
    Ok(tonic::metadata::MetadataMap::from_headers(headers))
}
// eject: end
