//! The JSON form of a line: fields of the event and of all spans around it side by side, where a log collector finds
//! `request_id`. It is a format of tracing-subscriber's own layer, whose JSON nests spans; `json-subscriber`, which does
//! not, takes twice the instructions a line and loses the target of the `log` crate's records.

use std::fmt::{self, Debug};
use std::str;
use std::time::SystemTime;

use flow_edge::edge::observe::UNRECORDED;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber, span};
use tracing_log::NormalizeEvent;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::correlation::{Correlation, SEVERITY};

/// Formats events as JSON objects, and the fields of spans as members of them.
#[derive(Clone, Debug, Default)]
pub struct Json {
    correlation: Option<Correlation>,
}

impl Json {
    /// Also writes what a platform's viewer of logs looks for.
    #[must_use]
    pub fn with(mut self, correlation: Option<Correlation>) -> Self {
        self.correlation = correlation;
        self
    }
}

/// Stands between the members of a span. JSON has no line break in a value.
const BREAK: char = '\n';

impl<S: Subscriber + for<'l> LookupSpan<'l>> FormatEvent<S, Self> for Json {
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, Self>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Records of the `log` crate carry their true target in fields.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        to.write_str(r#"{"timestamp":""#)?;
        write!(to, "{}", humantime::format_rfc3339_micros(SystemTime::now()))?;
        to.write_str(r#"","level":""#)?;
        to.write_str(metadata.level().as_str())?;
        to.write_char('"')?;
        let mut members = Members { json: Vec::with_capacity(512), before: b',' };
        members.put("target", metadata.target());
        event.record(&mut members);
        to.write_str(members.text()?)?;

        // From the leaf to the root, so that the nearest value of a name is the one that is written.
        let mut written = Vec::with_capacity(16);
        written.extend(event.fields().map(|it| it.name()));
        for span in ctx.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let members = extensions.get::<FormattedFields<Self>>().map_or("", |it| &it.fields);
            for member in members.split(BREAK) {
                let name = name(member).and_then(|it| span.fields().field(it));
                if let Some(name) = name.map(|it| it.name()).filter(|it| !written.contains(it)) {
                    written.push(name);
                    to.write_char(',')?;
                    to.write_str(member)?;
                }
            }

            if let Some(correlation) = &self.correlation
                && let (Some(trace_id), Some(span_id)) = (text(members, "trace_id"), text(members, "span_id"))
            {
                correlation.ids(&mut to, trace_id, span_id, span.metadata().target() != UNRECORDED)?;
            }
        }

        if let Some(correlation) = self.correlation.as_ref().filter(|_| !written.contains(&SEVERITY)) {
            correlation.level(&mut to, *metadata.level())?;
        }
        to.write_str("}\n")
    }
}

impl<'w> FormatFields<'w> for Json {
    fn format_fields<R: RecordFields>(&self, mut to: Writer<'w>, fields: R) -> fmt::Result {
        let mut members = Members { json: Vec::with_capacity(256), before: BREAK as u8 };
        fields.record(&mut members);
        to.write_str(members.text()?)
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &span::Record<'_>) -> fmt::Result {
        let mut new = FormattedFields::<Self>::new(String::new());
        self.format_fields(new.as_writer(), fields)?;
        // In front, so that a field's newest value is the one that is written.
        current.fields.insert_str(0, &new.fields);
        Ok(())
    }
}

/// The name of a member: what is between its first two quotes.
fn name(member: &str) -> Option<&str> {
    let quoted = member.get(1..)?;
    quoted.get(..quoted.bytes().position(|it| it == b'"')?)
}

/// The text of the member of this name.
fn text<'m>(members: &'m str, name: &str) -> Option<&'m str> {
    let value = |member: &'m str| member.strip_prefix('"')?.strip_prefix(name)?.strip_prefix("\":\"");
    members.split(BREAK).find_map(value)?.strip_suffix('"')
}

/// Members of a JSON object, with the same byte before each.
struct Members {
    json: Vec<u8>,
    before: u8,
}

impl Members {
    fn put(&mut self, name: &str, value: impl Serialize) {
        self.json.extend([self.before, b'"']);
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut self.json, &value);
    }

    fn put_field(&mut self, field: &Field, value: impl Serialize) {
        // What the bridge from the `log` crate adds is in the metadata, and no name may stand in an object twice.
        let name = field.name();
        if !name.starts_with("log.") && !["timestamp", "level", "target"].contains(&name) {
            self.put(name, value);
        }
    }

    fn text(&self) -> Result<&str, fmt::Error> {
        str::from_utf8(&self.json).map_err(|_| fmt::Error)
    }
}

impl Visit for Members {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_field(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_field(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put_field(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_field(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_field(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put_field(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put_field(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put_field(field, value);
    }
}
