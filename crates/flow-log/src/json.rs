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

/// Stands before each member of a span, and after it a character that says which field it is. JSON has no line break in a
/// value.
const BREAK: u8 = b'\n';

/// The character of a span's first field; the others follow it.
const FIRST_FIELD: u32 = 0x100;

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
        let mut members = Members { json: Vec::with_capacity(512), of_span: false };
        members.json.push(b',');
        members.put("target", metadata.target());
        event.record(&mut members);
        to.write_str(members.text()?)?;

        // From the leaf to the root, so that the nearest value of a name is the one that is written.
        let mut written = Vec::with_capacity(16);
        written.extend(event.fields().map(|it| it.name()));
        for span in ctx.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let members = extensions.get::<FormattedFields<Self>>().map_or("", |it| &it.fields);
            for (field, member) in split(members) {
                let name = span.fields().iter().nth(field).map(|it| it.name());
                if let Some(name) = name.filter(|it| !written.contains(it)) {
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
        let mut members = Members { json: Vec::with_capacity(256), of_span: true };
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

/// The members of a span, each with the place of its field among the fields of the span.
fn split(members: &str) -> impl Iterator<Item = (usize, &str)> {
    // The library's search is quicker than that of `str` for texts as short as these.
    let ends = memchr::memchr_iter(BREAK, members.as_bytes()).skip(1).chain([members.len()]);
    let mut begin = 0;
    ends.filter_map(move |end| {
        let mut member = members.get(begin + 1..end)?.chars();
        begin = end;
        let field = u32::from(member.next()?).checked_sub(FIRST_FIELD)?;
        Some((field as usize, member.as_str()))
    })
}

/// The text of the member of this name.
fn text<'m>(members: &'m str, name: &str) -> Option<&'m str> {
    let value = |member: &'m str| member.strip_prefix('"')?.strip_prefix(name)?.strip_prefix("\":\"");
    split(members).find_map(|(_, member)| value(member))?.strip_suffix('"')
}

/// Whether a text stands in JSON as it is. Ids and paths do, and looking at many bytes at once costs less than looking at
/// each.
#[expect(clippy::needless_bitwise_bool, reason = "a lazy operator looks at one byte after the other")]
fn is_plain(text: &str) -> bool {
    !text.bytes().fold(false, |found, it| found | (it < 0x20) | (it == b'"') | (it == b'\\'))
}

/// Members of a JSON object.
struct Members {
    json: Vec<u8>,
    /// Whether they are those of a span.
    of_span: bool,
}

impl Members {
    fn put(&mut self, name: &str, value: impl Serialize) {
        self.begin(name);
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut self.json, &value);
    }

    fn begin(&mut self, name: &str) {
        self.json.push(b'"');
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
    }

    /// Whether the field becomes a member, which begins then.
    fn begin_field(&mut self, field: &Field) -> bool {
        // What the bridge from the `log` crate adds is in the metadata, and no name may stand in an object twice.
        let name = field.name();
        if name.starts_with("log.") || ["timestamp", "level", "target"].contains(&name) {
            return false;
        }
        if self.of_span {
            // No span has as many fields as there are characters.
            let field = u32::try_from(field.index()).ok().and_then(|it| char::from_u32(FIRST_FIELD + it));
            let Some(field) = field else { return false };
            self.json.push(BREAK);
            self.json.extend_from_slice(field.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            self.json.push(b',');
        }
        self.begin(name);
        true
    }

    fn put_field(&mut self, field: &Field, value: impl Serialize) {
        if self.begin_field(field) {
            let _ = serde_json::to_writer(&mut self.json, &value);
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
        if !is_plain(value) {
            self.put_field(field, value);
        } else if self.begin_field(field) {
            self.json.push(b'"');
            self.json.extend_from_slice(value.as_bytes());
            self.json.push(b'"');
        }
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
