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
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

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
    let add = |told: &Told| {
        let parent = ["00-", told.ids.trace_id(), "-", told.ids.span_id(), "-00"].concat();
        if let Ok(parent) = parent.try_into() {
            headers.insert(TRACEPARENT, parent);
        }
        for state in &told.state {
            headers.append(TRACESTATE, state.clone());
        }
    };
    let found = in_registry(current, |registry, id| {
        let request = registry.span(id)?.scope().find(|it| it.extensions().get::<Told>().is_some())?;
        request.extensions().get::<Told>().map(add)
    });
    found.is_some()
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
        let is_left_out = || context.lookup_current().is_some_and(|it| it.metadata().target() == UNRECORDED);
        !self.is_for(metadata) || !is_left_out()
    }
}
