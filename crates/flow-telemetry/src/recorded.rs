//! Of a trace that is not recorded, no span is made: of a tenth of all traces, the other nine would cost nearly as much.
//! Its ids are still in the log, and the model's server is still told of it.

use flow_edge::edge::observe::{TraceIds, UNRECORDED};
use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::subscriber::Interest;
use tracing::{Metadata, Span, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// What others are told of a trace that is not recorded, in the extensions of its request's span.
struct Told {
    ids: TraceIds,
    state: Vec<HeaderValue>,
}

/// Keeps what the servers that this request asks are told of its trace.
pub(crate) fn keep(request: &Span, ids: &TraceIds, headers: &HeaderMap) {
    let told = Told { ids: *ids, state: headers.get_all(TRACESTATE).iter().cloned().collect() };
    in_registry(request, |registry, id| {
        registry.span(id)?.extensions_mut().insert(told);
        Some(())
    });
}

/// Adds the headers of the trace that this span is in, if it is not recorded.
pub(crate) fn inject(current: &Span, headers: &mut HeaderMap) -> bool {
    let mut add = |told: &Told| {
        insert(headers, &told.ids, false);
        for state in &told.state {
            headers.append(TRACESTATE, state.clone());
        }
    };
    let found = in_registry(current, |registry, id| {
        registry.span(id)?.scope().find_map(|it| it.extensions().get::<Told>().map(&mut add))
    });
    found.is_some()
}

/// Sets `traceparent` (W3C Trace Context, version 00).
pub(crate) fn insert(headers: &mut HeaderMap, ids: &TraceIds, is_recorded: bool) {
    let flags = if is_recorded { "-01" } else { "-00" };
    let parent = ["00-", ids.trace_id(), "-", ids.span_id(), flags].concat();
    if let Ok(parent) = HeaderValue::try_from(parent) {
        headers.insert(TRACEPARENT, parent);
    }
}

fn in_registry<T>(span: &Span, with: impl FnOnce(&Registry, &tracing::Id) -> Option<T>) -> Option<T> {
    span.with_subscriber(|(id, subscriber)| with(subscriber.downcast_ref::<Registry>()?, id)).flatten()
}

/// Makes no span of this target inside of a request whose trace is not recorded.
pub(crate) struct Recorded(pub(crate) &'static str);

impl Recorded {
    fn is_for(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target() == self.0
    }
}

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Recorded {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.is_for(metadata) { Interest::sometimes() } else { Interest::always() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        let current = || context.current_span().metadata().map(Metadata::target);
        let is_left_out = || current() == Some(UNRECORDED);
        !self.is_for(metadata) || !is_left_out()
    }
}
