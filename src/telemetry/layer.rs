//! The layer that turns events into lines.
//!
//! Why our own: `tracing_subscriber`'s JSON can flatten an event's fields but keeps the spans' in nested
//! objects, and `json-subscriber`, which can flatten both, cannot mask by name; a log collector needs
//! `request_id` at the top of every line, and a secret must not depend on each caller's care.

use std::cell::RefCell;
use std::io::Write;

use tracing::{Event, Subscriber, span};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::{EachField, Value};
use super::line::{Line, Style};

const REQUEST_ID: &str = "request_id";

thread_local! {
    /// Kept, so that an event allocates nothing.
    static LINE: RefCell<Line> = const { RefCell::new(Line::new()) };
}

/// Writes each event as one line, with the fields of all spans around it.
pub(super) struct LineLayer<W> {
    style: Style,
    writer: W,
}

impl<W> LineLayer<W> {
    pub(super) const fn new(style: Style, writer: W) -> Self {
        Self { style, writer }
    }
}

impl<S, W> Layer<S> for LineLayer<W>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = SpanFields(Vec::with_capacity(attributes.fields().len()));
        attributes.record(&mut EachField::new(|name, value| fields.set(name, self.style.format(value))));
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        // Formatted before the span is locked: a value's `Debug` may log within the same span.
        let mut news = SpanFields(Vec::new());
        values.record(&mut EachField::new(|name, value| news.set(name, self.style.format(value))));
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<SpanFields>()
        {
            news.0.into_iter().for_each(|(name, value)| fields.set(name, value));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        with_line(|line| {
            write_event(self.style, line, event, &context);
            // A log that cannot be written has nobody to complain to.
            let _ = self.writer.make_writer_for(event.metadata()).write_all(line.bytes());
        });
    }
}

/// A span's fields, formatted once instead of at every event inside it.
struct SpanFields(Vec<(&'static str, Vec<u8>)>);

impl SpanFields {
    fn set(&mut self, name: &'static str, value: Vec<u8>) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some(field) => field.1 = value,
            None => self.0.push((name, value)),
        }
    }
}

fn write_event<S>(style: Style, line: &mut Line, event: &Event<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    // Records of the `log` crate carry their true target in fields.
    let normalized = event.normalized_metadata();
    let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());

    line.start(style, metadata);
    if style != Style::Json {
        each_span_field(event, context, |name, value| {
            if name == REQUEST_ID && line.claim(name) {
                line.short_id(style, value);
            }
        });
        line.target(style, metadata);
    }

    let mut has_message = false;
    event.record(&mut EachField::new(|name, value| {
        if name == "message" {
            line.message(style, value);
            has_message = true;
        }
    }));
    if !has_message {
        line.message(style, Value::Text(metadata.name()));
    }

    event.record(&mut EachField::new(|name, value| {
        if name != "message" && line.claim(name) {
            line.name(style, name);
            line.value(style, value);
        }
    }));
    // From the leaf to the root, so that the nearest span's value is the one that is written.
    each_span_field(event, context, |name, value| {
        if line.claim(name) {
            line.name(style, name);
            line.formatted(value);
        }
    });
    line.end(style);
}

fn each_span_field<S>(event: &Event<'_>, context: &Context<'_, S>, mut visit: impl FnMut(&'static str, &[u8]))
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    for span in context.event_scope(event).into_iter().flatten() {
        let extensions = span.extensions();
        let fields = extensions.get::<SpanFields>().into_iter().flat_map(|fields| &fields.0);
        fields.for_each(|(name, value)| visit(name, value));
    }
}

fn with_line(write: impl FnOnce(&mut Line)) {
    let mut write = Some(write);
    // The buffer is busy when a value logs while it is formatted, and gone when the thread is ending.
    let _ = LINE.try_with(|line| {
        if let Ok(mut line) = line.try_borrow_mut()
            && let Some(write) = write.take()
        {
            line.clear();
            write(&mut line);
        }
    });
    if let Some(write) = write {
        write(&mut Line::new());
    }
}
