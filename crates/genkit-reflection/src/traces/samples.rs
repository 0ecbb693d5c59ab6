//! Spans for tests.

use std::time::{Duration, UNIX_EPOCH};

use flow_telemetry::SpanData;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

/// A span with this id inside of another one; 0 is none.
pub(super) fn span(id: u64, parent: u64, attributes: &[(&'static str, &'static str)]) -> SpanData {
    SpanData {
        span_context: SpanContext::new(
            7_u128.into(),
            id.into(),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: parent.into(),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "span".into(),
        start_time: UNIX_EPOCH + Duration::from_micros(1_500_250),
        end_time: UNIX_EPOCH + Duration::from_secs(2),
        attributes: attributes.iter().map(|(name, value)| KeyValue::new(*name, *value)).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}
