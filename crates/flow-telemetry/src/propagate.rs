//! The trace in headers: `traceparent` and `tracestate` (W3C Trace Context).

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::recorded::{self, TRACEPARENT};

/// Adds the trace of the current span to the headers of a request, so that its server goes on with it.
pub fn inject(headers: &mut HeaderMap) {
    let current = tracing::Span::current();
    match recorded::headers(&current) {
        Some(unrecorded) => headers.extend(unrecorded),
        None => TraceContextPropagator::new().inject_context(&current.context(), &mut Headers(headers)),
    }
}

/// The trace that a caller goes on with, if its headers name one.
pub(crate) fn extract(headers: &HeaderMap) -> Option<SpanContext> {
    if !headers.contains_key(TRACEPARENT) {
        return None;
    }
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Read(headers));
    let caller = context.span().span_context().clone();
    caller.is_valid().then_some(caller)
}

struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

struct Read<'a>(&'a HeaderMap);

impl Extractor for Read<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
