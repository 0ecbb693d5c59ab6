//! The names of the edge's spans and attributes, by OpenTelemetry's conventions. They are given when spans are sent, so
//! that no request waits for it.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_otlp::SpanExporter as Otlp;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// What a span holds of prompts and answers.
const CONTENT: [&str; 4] =
    ["genkit:input", "genkit:output", "gen_ai.input.messages", "gen_ai.output.messages"];

/// Sends spans under their proper names.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) exporter: Otlp,
    /// Whether prompts and answers are sent, where spans hold them.
    pub(crate) content: bool,
}

impl SpanExporter for Named {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(name);
        if !self.content {
            for span in &mut batch {
                span.attributes.retain(|it| !CONTENT.contains(&it.key.as_str()));
            }
        }
        self.exporter.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Gives a span its names and its attributes theirs. The edge's spans have the names of the log: `request` and `call`.
pub(crate) fn name(span: &mut SpanData) {
    // A span of `tracing` cannot hold a list.
    for attribute in &mut span.attributes {
        if attribute.key.as_str() == "gen_ai.response.finish_reasons" {
            let reason = attribute.value.as_str().into_owned().into();
            attribute.value = Value::Array(Array::String(vec![reason]));
        }
    }
    let is_http = match &*span.name {
        "request" => true,
        "call" => false,
        _ => return,
    };
    // A span of the project's own may have such a name, too; only the edge's have a request's id.
    if !span.attributes.iter().any(|it| it.key.as_str() == "request_id") {
        return;
    }
    span.span_kind = SpanKind::Server;
    // The ids are the span's own.
    span.attributes.retain(|it| !matches!(it.key.as_str(), "trace_id" | "span_id"));
    for attribute in &mut span.attributes {
        let name = match attribute.key.as_str() {
            // The log has the method as it was sent; the other one is one of those that there are.
            "method" if is_http => "http.request.method_original",
            "method" => "rpc.method",
            "path" => "url.path",
            "client" => "client.address",
            _ => continue,
        };
        attribute.key = name.into();
    }
    let is = |it: &KeyValue, name: &str| it.key.as_str() == name;
    let method = span.attributes.iter().find(|it| is(it, "http.request.method")).map(|it| it.value.clone());
    span.attributes.retain(|it| {
        !is(it, "http.request.method_original") || method.as_ref().is_none_or(|known| *known != it.value)
    });
    let of = |name: &str| span.attributes.iter().find(|it| it.key.as_str() == name);
    let text = |it: &KeyValue| it.value.as_str().into_owned();
    // Without a route, a request is named after its method alone: a client cannot make names up.
    let name = match (is_http, of("http.request.method"), of("http.route"), of("rpc.method")) {
        (true, Some(method), Some(route), _) => format!("{} {}", text(method), text(route)),
        (true, Some(method), None, _) => text(method),
        (false, _, Some(_), Some(method)) => text(method).trim_start_matches('/').to_owned(),
        _ => "call".to_owned(),
    };
    span.name = Cow::Owned(name);
}
