//! The lines of the log without the spans that are for traces alone: what these hold is not even put into words.

use flow_runtime::trace::SPANS;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The layer that writes lines.
pub(super) struct Lines<L>(pub(super) L);

impl<S, L> Layer<S> for Lines<L>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    L: Layer<S>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != SPANS {
            self.0.on_new_span(attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if context.metadata(id).is_some_and(|it| it.target() != SPANS) {
            self.0.on_record(id, values, context);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.0.on_event(event, context);
    }
}
