//! The helpers without a block: they write text, a value, or a marker where a message or a part begins.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, PathAndJson, RenderContext, RenderError,
    RenderErrorReason, ScopedJson,
};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Number, Value};

use crate::markers::Marker;
use crate::message::{Media, Role};
use crate::reserved::PRINT;

/// Registers them.
pub(crate) fn register(registry: &mut Handlebars<'static>) {
    // `{{log …}}` logs nothing, because its arguments are prompt input.
    let helpers: [(&str, TextOf); 7] = [
        ("history", |_| Marker::History.text()),
        ("json", json),
        ("log", |_| Ok(String::new())),
        ("media", media),
        ("role", role),
        ("section", section),
        (PRINT, |helper| Ok(helper.param(0).map(|it| printed(it.value())).unwrap_or_default())),
    ];
    for (name, text) in helpers {
        registry.register_helper(name, Box::new(Inline(text)));
    }
    registry.register_helper("lookup", Box::new(Lookup));
}

type TextOf = fn(&Helper<'_>) -> Result<String, RenderError>;

/// A helper that only writes text.
struct Inline(TextOf);

impl HelperDef for Inline {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        Ok(out.write(&(self.0)(helper)?)?)
    }
}

/// `{{role "system"}}` begins a message; its further arguments become the message's metadata.
fn role(helper: &Helper<'_>) -> Result<String, RenderError> {
    let role = match text_argument(helper) {
        Some("system") => Role::System,
        Some("user") => Role::User,
        Some("model") => Role::Model,
        Some("tool") => Role::Tool,
        _ => return Err(fault("has a role that is not system, user, model or tool")),
    };
    let metadata =
        helper.hash().iter().map(|(key, it)| ((*key).to_owned(), printed(it.value()).into())).collect();
    Marker::Role { role, metadata }.text()
}

/// `{{media url=… contentType=…}}`
fn media(helper: &Helper<'_>) -> Result<String, RenderError> {
    let text = |key| helper.hash_get(key).and_then(|it| it.value().as_str()).filter(|it| !it.is_empty());
    let url = text("url").ok_or_else(|| fault("has a medium without a `url`"))?.to_owned();
    Marker::Media(Media { url, content_type: text("contentType").map(str::to_owned) }).text()
}

/// `{{section "name"}}`: something the application fills in later.
fn section(helper: &Helper<'_>) -> Result<String, RenderError> {
    let name = text_argument(helper).ok_or_else(|| fault("has a section without a name"))?;
    Marker::Section(name.to_owned()).text()
}

/// `{{json value indent=2}}`
fn json(helper: &Helper<'_>) -> Result<String, RenderError> {
    // JavaScript takes no more than ten characters of indentation.
    let indent = match helper.hash_get("indent").map(PathAndJson::value) {
        Some(Value::String(text)) => text.chars().take(10).collect(),
        Some(number) => " ".repeat(number.as_u64().map_or(0, |it| usize::try_from(it.min(10)).unwrap_or(0))),
        None => String::new(),
    };
    let value = helper.param(0).map_or(Value::Null, |it| with_javascript_numbers(it.value()));
    if indent.is_empty() {
        return Ok(value.to_string());
    }
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(indent.as_bytes());
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .map_err(RenderErrorReason::from)?;
    Ok(String::from_utf8(bytes)?)
}

/// `(lookup value key…)` is a member, an item, or the length of a list or a text, for one key after the other.
struct Lookup;

impl HelperDef for Lookup {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let Some((value, keys)) = helper.params().split_first().filter(|(_, keys)| !keys.is_empty()) else {
            return Err(fault("calls `lookup` with too few values"));
        };
        let keys: Vec<_> = keys.iter().map(|it| printed(it.value())).collect();
        // A path into the data saves copying what is there.
        if let Some(path) = value.context_path() {
            let path: Vec<_> = path.iter().chain(&keys).cloned().collect();
            if let Some(found) = path.iter().try_fold(context.data(), |value, key| member(value, key)) {
                return Ok(ScopedJson::Context(found, path));
            }
        }
        let Some((last, inner)) = keys.split_last() else { return Ok(ScopedJson::Missing) };
        let holder = inner.iter().try_fold(value.value(), |value, key| member(value, key));
        let found = holder.and_then(|it| member(it, last).cloned().or_else(|| length(it, last)));
        Ok(found.map_or(ScopedJson::Missing, ScopedJson::Derived))
    }
}

fn member<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(key),
        Value::Array(list) => key.parse::<usize>().ok().and_then(|at| list.get(at)),
        _ => None,
    }
}

fn length(value: &Value, key: &str) -> Option<Value> {
    match value {
        Value::Array(list) if key == "length" => Some(list.len().into()),
        Value::String(text) if key == "length" => Some(text.encode_utf16().count().into()),
        _ => None,
    }
}

fn text_argument<'h>(helper: &'h Helper<'_>) -> Option<&'h str> {
    helper.param(0).and_then(|it| it.value().as_str())
}

fn fault(what: &str) -> RenderError {
    RenderErrorReason::Other(what.to_owned()).into()
}

/// A value as JavaScript prints it.
fn printed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(it) => it.to_string(),
        Value::Number(number) => javascript_number(number).to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(printed).collect::<Vec<_>>().join(","),
        Value::Object(_) => "[object Object]".to_owned(),
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
