//! One line of the log, as JSON or for people.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::{Level, Metadata};

use super::fields::{Value, write_console, write_json};

/// RFC 3339 in UTC, with as many digits on every line.
const DATE_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
/// Members every JSON line has. A field of the same name gets a prefix, as JSON knows a name only once.
const MEMBERS: [&str; 4] = ["timestamp", "level", "target", "message"];
/// A buffer that one huge event has grown beyond this is not kept.
const KEPT_BYTES: usize = 64 * 1024;
/// Enough to tell the requests of a development server apart.
const SHORT_ID: usize = 8;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Json,
    Console { color: bool },
}

impl Style {
    pub(super) fn format(self, value: Value<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, value);
        out
    }

    fn write(self, out: &mut Vec<u8>, value: Value<'_>) {
        match self {
            Self::Json => write_json(out, value),
            Self::Console { .. } => write_console(out, value),
        }
    }
}

/// The line being written.
pub(super) struct Line {
    bytes: Vec<u8>,
    /// Names written so far: an event's field hides its span's, an inner span's an outer's.
    names: Vec<&'static str>,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self { bytes: Vec::new(), names: Vec::new() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.names.clear();
    }

    /// Whether the name is still free; from now on it is not.
    pub(super) fn claim(&mut self, name: &'static str) -> bool {
        let free = !self.names.contains(&name);
        if free {
            self.names.push(name);
        }
        free
    }

    pub(super) fn start(&mut self, style: Style, metadata: &Metadata<'_>) {
        let now = OffsetDateTime::now_utc();
        match style {
            Style::Json => {
                self.put(br#"{"timestamp":""#);
                let _ = now.format_into(&mut self.bytes, DATE_TIME);
                self.put(br#"","level":""#);
                self.put(metadata.level().as_str().as_bytes());
                self.put(br#"","target":"#);
                write_json(&mut self.bytes, Value::Text(metadata.target()));
            }
            Style::Console { .. } => {
                self.paint(style, DIM);
                let _ = now.format_into(&mut self.bytes, TIME);
                self.paint(style, RESET);
                self.paint(style, level_color(*metadata.level()));
                self.print(format_args!(" {:>5} ", metadata.level().as_str()));
                self.paint(style, RESET);
            }
        }
    }

    /// The start of the request's id; for people only.
    pub(super) fn short_id(&mut self, style: Style, id: &[u8]) {
        self.paint(style, CYAN);
        self.put(b"[");
        // An id is visible ASCII, so that any cut is between characters.
        self.put(&id[..id.len().min(SHORT_ID)]);
        self.put(b"] ");
        self.paint(style, RESET);
    }

    pub(super) fn target(&mut self, style: Style, metadata: &Metadata<'_>) {
        self.paint(style, DIM);
        write_console(&mut self.bytes, Value::Debug(&format_args!("{}:", metadata.target())));
        self.paint(style, RESET);
    }

    pub(super) fn message(&mut self, style: Style, value: Value<'_>) {
        match style {
            Style::Json => {
                self.put(br#","message":"#);
                write_json(&mut self.bytes, value);
            }
            Style::Console { .. } => {
                self.put(b" ");
                match value {
                    // A message is a sentence and stands without quotes.
                    Value::Text(text) => {
                        write_console(&mut self.bytes, Value::Debug(&format_args!("{text}")));
                    }
                    value => write_console(&mut self.bytes, value),
                }
            }
        }
    }

    pub(super) fn name(&mut self, style: Style, name: &str) {
        match style {
            Style::Json => {
                self.put(b",");
                let prefix = if MEMBERS.contains(&name) { "field." } else { "" };
                write_json(&mut self.bytes, Value::Debug(&format_args!("{prefix}{name}")));
                self.put(b":");
            }
            Style::Console { .. } => {
                self.paint(style, DIM);
                write_console(&mut self.bytes, Value::Debug(&format_args!(" {name}=")));
                self.paint(style, RESET);
            }
        }
    }

    pub(super) fn value(&mut self, style: Style, value: Value<'_>) {
        style.write(&mut self.bytes, value);
    }

    /// A value that [`Style::format`] has made.
    pub(super) fn formatted(&mut self, value: &[u8]) {
        self.put(value);
    }

    pub(super) fn end(&mut self, style: Style) {
        self.put(if style == Style::Json { b"}\n" } else { b"\n" });
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn print(&mut self, text: fmt::Arguments<'_>) {
        // Writing to memory cannot fail.
        let _ = std::io::Write::write_fmt(&mut self.bytes, text);
    }

    fn paint(&mut self, style: Style, code: &[u8]) {
        if style == (Style::Console { color: true }) {
            self.put(code);
        }
    }
}

const RESET: &[u8] = b"\x1b[0m";
const DIM: &[u8] = b"\x1b[2m";
const CYAN: &[u8] = b"\x1b[36m";

const fn level_color(level: Level) -> &'static [u8] {
    match level {
        Level::ERROR => b"\x1b[1;31m",
        Level::WARN => b"\x1b[33m",
        Level::INFO => b"\x1b[32m",
        Level::DEBUG => b"\x1b[34m",
        Level::TRACE => b"\x1b[35m",
    }
}
