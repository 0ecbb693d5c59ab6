//! From a field's value to bytes on a line. Every field of every span and event passes through
//! [`EachField`], so masking has one place.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use serde::Serializer as _;
use tracing::field::{Field, Visit};

use super::redact::{REDACTED, is_secret_field};

/// A field's value, not yet formatted.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    /// A number or boolean, which JSON and people write alike.
    Plain(fmt::Arguments<'a>),
    Text(&'a str),
    Debug(&'a dyn fmt::Debug),
    Error(&'a (dyn Error + 'static)),
}

/// Calls the closure for each field with its name and value; a secret arrives masked.
pub(super) struct EachField<F>(F);

impl<F: FnMut(&'static str, Value<'_>)> EachField<F> {
    pub(super) const fn new(visit: F) -> Self {
        Self(visit)
    }

    fn visit(&mut self, field: &Field, value: Value<'_>) {
        let name = field.name();
        // What the bridge from the `log` crate adds is in the metadata already.
        if name.starts_with("log.") {
            return;
        }
        let value = if is_secret_field(name) { Value::Text(REDACTED) } else { value };
        (self.0)(name.strip_prefix("r#").unwrap_or(name), value);
    }
}

impl<F: FnMut(&'static str, Value<'_>)> Visit for EachField<F> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.visit(field, Value::Debug(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.visit(field, Value::Text(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.visit(field, Value::Error(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for infinity; as text it is at least legible.
        let value =
            if value.is_finite() { Value::Plain(format_args!("{value}")) } else { Value::Debug(&value) };
        self.visit(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.visit(field, Value::Plain(format_args!("{value}")));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.visit(field, Value::Plain(format_args!("{value}")));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.visit(field, Value::Plain(format_args!("{value}")));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.visit(field, Value::Plain(format_args!("{value}")));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.visit(field, Value::Plain(format_args!("{value}")));
    }
}

/// Appends the value as JSON.
pub(super) fn write_json(out: &mut Vec<u8>, value: Value<'_>) {
    let mut json = serde_json::Serializer::new(&mut *out);
    // Writing to memory cannot fail. `collect_str` escapes while the value formats itself, with no text in
    // between.
    let _ = match value {
        Value::Plain(value) => out.write_fmt(value).map_err(serde_json::Error::io),
        Value::Text(text) => json.serialize_str(text),
        Value::Debug(value) => json.collect_str(&Legible(format_args!("{value:?}"))),
        Value::Error(error) => json.collect_str(&Legible(format_args!("{}", Chain(error)))),
    };
}

/// Appends the value for people; text with blanks in quotes, so that one sees where it ends.
pub(super) fn write_console(out: &mut Vec<u8>, value: Value<'_>) {
    let _ = match value {
        Value::Plain(value) => out.write_fmt(value).map_err(|_| fmt::Error),
        Value::Text(text) if text.is_empty() || text.contains([' ', '"', '=']) => {
            write!(Escaped(out), "\"{}\"", text.replace('"', "\\\""))
        }
        Value::Text(text) => Escaped(out).write_str(text),
        Value::Debug(value) => write!(Escaped(out), "{}", Legible(format_args!("{value:?}"))),
        Value::Error(error) => write!(Escaped(out), "{}", Legible(format_args!("{}", Chain(error)))),
    };
}

/// Ends a value whose formatting fails instead of passing the failure on: `collect_str` would panic.
struct Legible<'a>(fmt::Arguments<'a>);

impl fmt::Display for Legible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(self.0).or_else(|_| f.write_str("[unprintable]"))
    }
}

/// An error and its causes.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Keeps a value from ending the line, moving the cursor, or reversing the text around it.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let harmful = |c: char| {
            c.is_control()
                || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let mut start = 0;
        for (at, bad) in text.match_indices(harmful) {
            self.0.extend_from_slice(&text.as_bytes()[start..at]);
            let _ = write!(self.0, "{}", bad.escape_default());
            start = at + bad.len();
        }
        self.0.extend_from_slice(&text.as_bytes()[start..]);
        Ok(())
    }
}
