//! Spans inside of a request whose trace is not recorded are not made at all: of a tenth of all traces, the other nine
//! would cost nearly as much.

use tracing::subscriber::Interest;
use tracing::{Metadata, Span, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

/// In a request's span: its trace is not recorded.
struct Unrecorded;

/// Says that the trace of a request is not recorded.
pub(crate) fn leave_out(request: &Span) {
    request.with_subscriber(|(id, subscriber)| {
        let span = subscriber.downcast_ref::<Registry>().and_then(|it| it.span(id));
        if let Some(span) = span {
            span.extensions_mut().insert(Unrecorded);
        }
    });
}

/// Makes no span of this target inside of such a request.
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
        let is_left_out = || {
            let outer = context.lookup_current();
            outer.is_some_and(|it| it.extensions().get::<Unrecorded>().is_some())
        };
        !self.is_for(metadata) || !is_left_out()
    }
}
