//! The trace in headers: `traceparent` and `tracestate` (W3C Trace Context); where they are missing, those of the cloud.
//!
//! Nothing is told to others but the trace's ids and its state. W3C Baggage is not passed on: it is what callers say of
//! themselves, and the model's server is not theirs.

use flow_edge::edge::observe::TraceIds;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::caller::{self, Caller};
use crate::platform::Cloud;
use crate::recorded::{self, TRACEPARENT, TRACESTATE};

const GOOGLE: HeaderName = HeaderName::from_static("x-cloud-trace-context");
const XRAY: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Adds the trace of the current span to the headers of a request, so that its server goes on with it.
pub fn inject(headers: &mut HeaderMap) {
    let current = tracing::Span::current();
    if recorded::inject(&current, headers) {
        return;
    }
    if let Some(span) = context_of(&current) {
        let ids = TraceIds::new(span.trace_id().to_bytes(), span.span_id().to_bytes());
        recorded::insert(headers, &ids, span.is_sampled());
        let state = span.trace_state().header();
        if let Ok(state) = HeaderValue::try_from(state)
            && !state.is_empty()
        {
            headers.insert(TRACESTATE, state);
        }
    }
}

/// By what a span is found, if it is part of a trace that is recorded. It begins with this, if it had not.
pub fn context_of(span: &tracing::Span) -> Option<SpanContext> {
    let context = span.context().span().span_context().clone();
    context.is_valid().then_some(context)
}

/// The span that a request comes from, if its headers name one.
pub(crate) fn extract(headers: &HeaderMap, cloud: Option<Cloud>) -> Option<Caller> {
    if headers.contains_key(TRACEPARENT) {
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Read(headers));
        let span = context.span().span_context().clone();
        let is_recorded = Some(span.is_sampled());
        return span.is_valid().then_some(Caller { span, is_recorded });
    }
    let header = |name| headers.get(name)?.to_str().ok();
    match cloud? {
        Cloud::Google => caller::google(header(GOOGLE)?),
        Cloud::Aws => caller::xray(header(XRAY)?),
        Cloud::Azure => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clouds_header_counts_on_that_cloud_alone_and_never_beside_a_traceparent() {
        let traces = [("x-cloud-trace-context", 'a'), ("x-amzn-trace-id", 'b'), ("traceparent", 'c')];
        let value = |name: &str, digit: char| match name {
            "traceparent" => format!("00-{}-{}-01", digit.to_string().repeat(32), "1".repeat(16)),
            "x-amzn-trace-id" => {
                let digits = |count| digit.to_string().repeat(count);
                format!("Root=1-{}-{};Parent={}", digits(8), digits(24), "1".repeat(16))
            }
            _ => format!("{}/1;o=1", digit.to_string().repeat(32)),
        };
        let mut headers = HeaderMap::new();
        let mut seen = |with: &[&str], cloud| {
            headers.clear();
            for (name, digit) in traces.iter().filter(|it| with.contains(&it.0)) {
                headers.insert(*name, value(name, *digit).parse().unwrap());
            }
            extract(&headers, cloud).map(|it| it.span.trace_id().to_string().remove(0))
        };
        let both = ["x-cloud-trace-context", "x-amzn-trace-id"];
        assert_eq!(seen(&both, None), None);
        assert_eq!(seen(&both, Some(Cloud::Azure)), None);
        assert_eq!(seen(&both, Some(Cloud::Google)), Some('a'));
        assert_eq!(seen(&both, Some(Cloud::Aws)), Some('b'));
        for cloud in [None, Some(Cloud::Google), Some(Cloud::Aws), Some(Cloud::Azure)] {
            assert_eq!(seen(&[both[0], both[1], "traceparent"], cloud), Some('c'));
        }
    }
}
