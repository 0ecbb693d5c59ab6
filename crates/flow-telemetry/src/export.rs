//! The exporters: one for each protocol.

use std::collections::HashMap;

use opentelemetry_otlp::{
    Protocol as OtlpProtocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use secrecy::ExposeSecret as _;
use tokio::runtime::Handle;

use crate::client::Client;
use crate::error::TelemetryError;
use crate::settings::{Collector, Protocol};

/// Where traces are sent to over HTTP (OTLP specification, "OTLP/HTTP Request").
const TRACES: &str = "/v1/traces";

/// What sends spans, as it wants them.
pub(crate) fn exporter(collector: &Collector, runtime: &Handle) -> Result<SpanExporter, TelemetryError> {
    let wrong = |error: &dyn std::fmt::Display| TelemetryError::Exporter(error.to_string());
    // A channel belongs to the runtime that it is made on.
    let _on_runtime = runtime.enter();
    let built = match collector.protocol {
        Protocol::HttpProtobuf => SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(runtime.clone()).map_err(|error| wrong(&error))?)
            .with_protocol(OtlpProtocol::HttpBinary)
            .with_endpoint(format!("{}{TRACES}", collector.endpoint.trim_end_matches('/')))
            .with_headers(headers(collector))
            .build(),
        // eject: grpc
        #[cfg(feature = "grpc")]
        Protocol::Grpc => {
            use opentelemetry_otlp::WithTonicConfig as _;

            let metadata = metadata(collector).map_err(|error| wrong(&error))?;
            let exporter = SpanExporter::builder().with_tonic();
            let mut exporter = exporter.with_endpoint(collector.endpoint.clone()).with_metadata(metadata);
            if collector.endpoint.starts_with("https:") {
                let tls = tonic::transport::ClientTlsConfig::new();
                exporter = exporter.with_tls_config(tls.with_enabled_roots());
            }
            exporter.build()
        }
        #[cfg(not(feature = "grpc"))]
        Protocol::Grpc => return Err(wrong(&"gRPC is not compiled in")),
        // eject: end
    };
    built.map_err(|error| wrong(&error))
}

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
