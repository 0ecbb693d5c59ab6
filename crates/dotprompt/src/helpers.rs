//! The helpers without a block: they give text, a value, or a marker where a message or a part begins.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Number, Value};

use crate::markers::Marker;
use crate::message::{Media, Role};

/// A value; none is what JavaScript calls undefined.
pub(crate) type Found<'v> = Option<Cow<'v, Value>>;

/// A call of a helper, its arguments evaluated.
pub(crate) struct Arguments<'v> {
    pub(crate) values: Vec<Found<'v>>,
    pub(crate) named: Vec<(&'v str, Found<'v>)>,
}

impl<'v> Arguments<'v> {
    /// What the helper returns.
    pub(crate) fn call(self, helper: &str) -> Result<Found<'v>, String> {
        let text = match helper {
            "lookup" => return self.lookup(),
            "json" => self.json()?,
            "history" => Marker::History.text(),
            "media" => self.media()?,
            "role" => self.role()?,
            "section" => {
                Marker::Section(self.text().ok_or("has a section without a name")?.to_owned()).text()
            }
            // `{{log …}}` logs nothing, because its arguments are prompt input.
            _ => String::new(),
        };
        Ok(Some(Cow::Owned(text.into())))
    }

    /// `{{role "system"}}` begins a message; its further arguments become the message's metadata.
    fn role(&self) -> Result<String, String> {
        let role = match self.text() {
            Some("system") => Role::System,
            Some("user") => Role::User,
            Some("model") => Role::Model,
            Some("tool") => Role::Tool,
            _ => return Err("has a role that is not system, user, model or tool".into()),
        };
        let metadata = self.named.iter().map(|(key, it)| ((*key).to_owned(), printed(it.as_deref()).into()));
        Ok(Marker::Role { role, metadata: metadata.collect() }.text())
    }

    /// `{{media url=… contentType=…}}`
    fn media(&self) -> Result<String, String> {
        let text =
            |key| self.named(key).and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned);
        let url = text("url").ok_or("has a medium without a `url`")?;
        Ok(Marker::Media(Media { url, content_type: text("contentType") }).text())
    }

    /// `{{json value indent=2}}`
    fn json(&self) -> Result<String, String> {
        // JavaScript takes no more than ten characters of indentation.
        let indent = match self.named("indent") {
            Some(Value::String(text)) => text.chars().take(10).collect(),
            Some(number) => {
                " ".repeat(number.as_u64().map_or(0, |it| usize::try_from(it.min(10)).unwrap_or(0)))
            }
            None => String::new(),
        };
        let value =
            self.values.first().and_then(Option::as_deref).map_or(Value::Null, with_javascript_numbers);
        if indent.is_empty() {
            return Ok(value.to_string());
        }
        let mut bytes = Vec::new();
        let formatter = PrettyFormatter::with_indent(indent.as_bytes());
        let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter));
        let text = written.ok().and_then(|()| String::from_utf8(bytes).ok());
        text.ok_or_else(|| "has a value that JSON cannot hold".into())
    }

    /// `(lookup value key…)`, for one key after the other.
    fn lookup(self) -> Result<Found<'v>, String> {
        let mut values = self.values.into_iter();
        let (Some(value), true) = (values.next(), values.len() > 0) else {
            return Err("calls `lookup` with too few values".into());
        };
        let keys: Vec<_> = values.map(|it| printed(it.as_deref())).collect();
        Ok(follow(value, &keys))
    }

    fn text(&self) -> Option<&str> {
        self.values.first()?.as_deref()?.as_str()
    }

    /// A named argument, `Null` if it has no value.
    pub(crate) fn named(&self, key: &str) -> Option<&Value> {
        let found = self.named.iter().find(|(name, _)| *name == key);
        found.map(|(_, it)| it.as_deref().unwrap_or(&Value::Null))
    }
}

/// What is found in a value under one key after the other: a member, an item, or the length of a list or a text.
pub(crate) fn follow<'v>(value: Found<'v>, keys: &[String]) -> Found<'v> {
    keys.iter().try_fold(value?, |value, key| match (&*value, key.as_str()) {
        (Value::Array(list), "length") => Some(Cow::Owned(list.len().into())),
        (Value::String(text), "length") => Some(Cow::Owned(text.encode_utf16().count().into())),
        _ => match value {
            Cow::Borrowed(value) => member(value, key).map(Cow::Borrowed),
            Cow::Owned(value) => member(&value, key).cloned().map(Cow::Owned),
        },
    })
}

fn member<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(key),
        Value::Array(list) => key.parse::<usize>().ok().and_then(|at| list.get(at)),
        _ => None,
    }
}

/// A value as JavaScript prints it.
pub(crate) fn printed(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::Bool(it)) => it.to_string(),
        Some(Value::Number(number)) => javascript_number(number).to_string(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|it| printed(Some(it))).collect::<Vec<_>>().join(","),
        Some(Value::Object(_)) => "[object Object]".to_owned(),
    }
}

fn with_javascript_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(javascript_number(number)),
        Value::Array(items) => items.iter().map(with_javascript_numbers).collect(),
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(key, it)| (key.clone(), with_javascript_numbers(it))).collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

/// JavaScript has one kind of number and prints a whole one without a point: `1.0` is `1`.
fn javascript_number(number: &Number) -> Number {
    let whole = number.as_f64().filter(|it| number.is_f64() && it.fract() == 0.0 && it.abs() < 1e15);
    // Below 10^15 each whole float prints as an integer of the same digits.
    whole.and_then(|it| format!("{it:.0}").parse::<i64>().ok()).map_or_else(|| number.clone(), Number::from)
}
