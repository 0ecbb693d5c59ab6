//! A value that satisfies a JSON Schema, or a schema of Gemini's own `OpenAPI` subset
//! (<https://ai.google.dev/api/caching#Schema>), whose types are in capitals.

use serde_json::{Map, Value, json};

use crate::pattern;

/// Below this depth only what is required is made, so that recursive schemas end.
const DEEP: usize = 6;

/// An instance of the schema, always the same one. Optional properties are present, choices are the first
/// that is not null. Keywords that constrain across values (`not`, `if`, `contains`) are not looked at.
pub fn instance(schema: &Value) -> Value {
    Maker { root: schema }.make(schema, "value", 0, 0)
}

struct Maker<'a> {
    root: &'a Value,
}

impl Maker<'_> {
    /// `name` flavours texts; `nth` tells the items of an array apart.
    fn make(&self, schema: &Value, name: &str, nth: usize, depth: usize) -> Value {
        let schema = self.flat(schema, depth);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        let kinds = kinds(&schema);
        let nullable =
            kinds.iter().any(|kind| kind == "null") || schema.get("nullable") == Some(&json!(true));
        if let Some(Value::Array(values)) = schema.get("enum") {
            let values: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
            return values.get(nth % values.len().max(1)).map_or(Value::Null, |value| (*value).clone());
        }
        if nullable && depth > DEEP {
            return Value::Null;
        }
        match kinds.iter().find(|kind| *kind != "null").map_or("null", String::as_str) {
            "object" => self.object(&schema, depth),
            "array" => self.array(&schema, name, depth),
            "string" => Value::String(string(&schema, name, nth)),
            "integer" => number(&schema, nth, true),
            "number" => number(&schema, nth, false),
            "boolean" => Value::Bool(nth.is_multiple_of(2)),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Map<String, Value>, depth: usize) -> Value {
        let required: Vec<&str> = strings(schema.get("required")).collect();
        let mut object = Map::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if depth <= DEEP || required.contains(&name.as_str()) {
                object.insert(name.clone(), self.make(property, name, 0, depth + 1));
            }
        }
        for name in required {
            if !object.contains_key(name) {
                object.insert(name.to_owned(), Value::String(format!("A sample {name}")));
            }
        }
        let rest = schema.get("additionalProperties").filter(|rest| rest.is_object());
        let least = usize::from(rest.is_some() && object.is_empty() && depth <= DEEP);
        let least = least.max(size(schema, "minProperties").unwrap_or(0));
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            for nth in object.len()..least {
                let value = rest.map_or(Value::Null, |rest| self.make(rest, "value", nth, depth + 1));
                object.insert(format!("key{nth}"), value);
            }
        }
        Value::Object(object)
    }

    fn array(&self, schema: &Map<String, Value>, name: &str, depth: usize) -> Value {
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let items = schema.get("items").filter(|items| **items != Value::Bool(false));
        let least = size(schema, "minItems").unwrap_or(0);
        let usual = if depth > DEEP || items.is_none() { first.len() } else { first.len().max(2) };
        let mut count = usual.max(least).min(size(schema, "maxItems").unwrap_or(usize::MAX));
        if schema.get("uniqueItems") == Some(&Value::Bool(true))
            && let Some(values) =
                items.and_then(|items| self.flat(items, depth).get("enum")?.as_array().cloned())
        {
            count = count.min(values.iter().filter(|value| !value.is_null()).count());
        }
        let any = Value::Bool(true);
        let item = |nth: usize| first.get(nth).or(items).unwrap_or(&any);
        (0..count).map(|nth| self.make(item(nth), name, nth, depth + 1)).collect()
    }

    /// The schema with its references, its `allOf` and the chosen branch of its `anyOf` written into it.
    fn flat(&self, schema: &Value, depth: usize) -> Map<String, Value> {
        self.flatten(schema, depth > DEEP, 32)
    }

    fn flatten(&self, schema: &Value, terse: bool, fuel: usize) -> Map<String, Value> {
        let Some(fuel) = fuel.checked_sub(1) else { return Map::new() };
        let mut flat = schema.as_object().cloned().unwrap_or_default();
        if let Some(Value::String(reference)) = flat.remove("$ref") {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            let own = std::mem::take(&mut flat);
            flat = target.map(|target| self.flatten(target, terse, fuel)).unwrap_or_default();
            merge(&mut flat, own);
        }
        if let Some(Value::Array(all)) = flat.remove("allOf") {
            for part in all {
                merge(&mut flat, self.flatten(&part, terse, fuel));
            }
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(Value::Array(branches)) = flat.remove(choice) {
                let mut branches = branches.iter().map(|branch| self.flatten(branch, terse, fuel));
                let is_null = |branch: &Map<String, Value>| branch.get("type") == Some(&json!("null"));
                let first = branches.next().unwrap_or_default();
                let chosen = if is_null(&first) == terse {
                    first
                } else {
                    branches.find(|b| is_null(b) == terse).unwrap_or(first)
                };
                merge(&mut flat, chosen);
            }
        }
        flat
    }
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (key.as_str(), into.get_mut(&key), value) {
            ("properties", Some(Value::Object(old)), Value::Object(new)) => {
                for (name, property) in new {
                    match (old.get_mut(&name), property) {
                        (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
                        (_, property) => drop(old.insert(name, property)),
                    }
                }
            }
            ("required", Some(Value::Array(old)), Value::Array(mut new)) => old.append(&mut new),
            (_, _, value) => drop(into.insert(key, value)),
        }
    }
}

/// The types in small letters; guessed from other keywords when none is named.
fn kinds(schema: &Map<String, Value>) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(kind)) => return vec![kind.to_lowercase()],
        Some(kinds) => return strings(Some(kinds)).map(str::to_lowercase).collect(),
        None => {}
    }
    let has = |names: &[&str]| names.iter().any(|name| schema.contains_key(*name));
    let kind = if has(&["properties", "required", "additionalProperties"]) {
        "object"
    } else if has(&["items", "prefixItems", "minItems"]) {
        "array"
    } else if has(&["minimum", "maximum", "multipleOf"]) {
        "number"
    } else {
        "string"
    };
    vec![kind.to_owned()]
}

fn string(schema: &Map<String, Value>, name: &str, nth: usize) -> String {
    let (least, most) =
        (size(schema, "minLength").unwrap_or(0), size(schema, "maxLength").unwrap_or(usize::MAX));
    let fits = |text: &String| (least..=most).contains(&text.chars().count());
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        // One step longer for each item, so that they differ where they can.
        let texts = || (nth..=least + nth + 1).filter_map(|stretch| pattern::text(pattern, stretch));
        if let Some(text) = texts().find(fits).or_else(|| texts().next()) {
            let open = !pattern.ends_with('$');
            let missing = if open { least.saturating_sub(text.chars().count()) } else { 0 };
            return text + &"a".repeat(missing);
        }
    }
    let sample = match schema.get("format").and_then(Value::as_str).unwrap_or_default() {
        "date-time" => return format!("2026-01-{:02}T12:00:00Z", nth % 28 + 1),
        "date" => return format!("2026-01-{:02}", nth % 28 + 1),
        "time" => return format!("12:{:02}:00Z", nth % 60),
        "email" => return format!("someone{nth}@example.com"),
        "uri" | "uri-reference" | "url" => return format!("https://example.com/{nth}"),
        "uuid" => return format!("00000000-0000-4000-8000-{nth:012}"),
        "ipv4" => return format!("192.0.2.{}", nth % 255),
        "hostname" => return format!("host{nth}.example.com"),
        _ if nth == 0 => format!("A sample {}", name.replace('_', " ")),
        _ => format!("{nth} more of {}", name.replace('_', " ")),
    };
    let padded = sample.chars().chain(" and so on".chars().cycle());
    let length = sample.chars().count().max(least).min(most);
    let text: String = padded.take(length).collect();
    // A text that ends in a space would fail wherever texts are trimmed first.
    match text.strip_suffix(' ') {
        Some(text) => format!("{text}."),
        None => text,
    }
}

/// The middle of what is allowed, or the number nearest to 1.
fn number(schema: &Map<String, Value>, nth: usize, whole: bool) -> Value {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let step = bound("multipleOf").unwrap_or(if whole { 1.0 } else { 0.5 });
    let over = bound("exclusiveMinimum").map(|bound| (bound / step).floor() * step + step);
    let under = bound("exclusiveMaximum").map(|bound| (bound / step).ceil() * step - step);
    let low = bound("minimum").into_iter().chain(over).reduce(f64::max);
    let high = bound("maximum").into_iter().chain(under).reduce(f64::min);
    let middle = match (low, high) {
        (Some(low), Some(high)) => f64::midpoint(low, high),
        (Some(low), None) => low.max(1.0),
        (None, Some(high)) => high.min(1.0),
        (None, None) => 1.0,
    };
    let mut value = (middle / step).floor() * step;
    if low.is_some_and(|low| value < low) {
        value = if bound("multipleOf").is_some() || whole { value + step } else { middle };
    }
    let further = value + step * u32::try_from(nth).map_or(0.0, f64::from);
    if high.is_none_or(|high| further <= high) {
        value = further;
    }
    #[allow(clippy::cast_possible_truncation, reason = "a sample; `as` saturates")]
    if whole { json!(value as i64) } else { json!(value) }
}

fn size(schema: &Map<String, Value>, name: &str) -> Option<usize> {
    // Gemini's own schema has sizes as text: they are int64 in its protobuf.
    let value = schema.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).and_then(|size| usize::try_from(size).ok())
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
