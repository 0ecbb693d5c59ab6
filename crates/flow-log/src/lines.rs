//! The lines of the log without the spans that are for traces alone: what these hold is not even put into words.

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The layer that writes lines.
#[derive(Debug)]
pub struct Lines<L> {
    lines: L,
    left_out: &'static str,
}

impl<L> Lines<L> {
    /// Leaves out the spans of this target.
    pub fn new(lines: L, left_out: &'static str) -> Self {
        Self { lines, left_out }
    }
}

impl<S, L> Layer<S> for Lines<L>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    L: Layer<S>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != self.left_out {
            self.lines.on_new_span(attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if context.metadata(id).is_some_and(|it| it.target() != self.left_out) {
            self.lines.on_record(id, values, context);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.lines.on_event(event, context);
    }
}
