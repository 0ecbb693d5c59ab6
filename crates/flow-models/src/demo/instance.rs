//! An instance for any JSON Schema: what a model would answer if it only knew the schema and a few words.

use serde_json::{Map, Value, json};

use super::{number, pattern};

/// Deeper than this only what is required is filled, so that recursive schemas come to an end.
const GENEROUS_DEPTH: usize = 4;

/// Deeper than this a schema asks for the impossible.
const DEEPEST: usize = 32;

/// Says something that suits a property; `index` tells the items of a list apart.
pub(super) trait Words {
    fn for_property(&self, name: &str, index: usize) -> String;
}

/// An instance that satisfies `schema`.
pub(super) fn instance(schema: &Value, words: &dyn Words) -> Value {
    Filler { root: schema, words }.fill(schema, "answer", 0, 0)
}

struct Filler<'a> {
    root: &'a Value,
    words: &'a dyn Words,
}

type Schema = Map<String, Value>;

impl Filler<'_> {
    fn fill(&self, schema: &Value, name: &str, index: usize, depth: usize) -> Value {
        if depth > DEEPEST || *schema == json!(false) {
            return Value::Null;
        }
        let schema = self.flatten(schema, index, depth, 0);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            let values: Vec<_> = values.iter().filter(|it| !it.is_null()).collect();
            return values.get(index % values.len().max(1)).map_or(Value::Null, |it| (*it).clone());
        }
        match kind(&schema, depth) {
            "null" => Value::Null,
            "boolean" => json!(index.is_multiple_of(2)),
            "integer" => number::integer(&schema, luck(name, index)),
            "number" => number::number(&schema, luck(name, index)),
            "array" => self.array(&schema, name, depth),
            "object" => self.object(&schema, index, depth),
            _ => self.string(&schema, name, index),
        }
    }

    /// One schema from a reference, its siblings, and the chosen branches.
    fn flatten(&self, schema: &Value, index: usize, depth: usize, hops: usize) -> Schema {
        let Value::Object(own) = schema else { return Schema::new() };
        let mut flat = own.clone();
        if hops > DEEPEST {
            return flat;
        }
        let mut parts = Vec::new();
        if let Some(Value::String(reference)) = flat.shift_remove("$ref") {
            parts.extend(reference.strip_prefix('#').and_then(|it| self.root.pointer(it)).cloned());
        }
        if let Some(Value::Array(all)) = flat.shift_remove("allOf") {
            parts.extend(all);
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(Value::Array(branches)) = flat.shift_remove(choice) {
                parts.extend(self.choose(branches, index, depth));
            }
        }
        for part in parts {
            merge(&mut flat, self.flatten(&part, index, depth, hops + 1));
        }
        flat
    }

    fn choose(&self, branches: Vec<Value>, index: usize, depth: usize) -> Option<Value> {
        let type_of = |branch: &Value| match self.flatten(branch, index, DEEPEST, DEEPEST - 1).get("type") {
            Some(Value::String(kind)) => kind.clone(),
            _ => String::new(),
        };
        let is_null = |branch: &Value| type_of(branch) == "null" || branch.get("const") == Some(&Value::Null);
        let (nulls, mut others): (Vec<_>, Vec<_>) = branches.into_iter().partition(is_null);
        if depth > GENEROUS_DEPTH {
            // Deep down the way out is null, or whatever has no inside.
            if let Some(null) = nulls.into_iter().next() {
                return Some(null);
            }
            others.sort_by_key(|branch| matches!(type_of(branch).as_str(), "object" | "array" | ""));
            return others.into_iter().next();
        }
        let turn = index % others.len().max(1);
        others.into_iter().nth(turn).or_else(|| nulls.into_iter().next())
    }

    fn object(&self, schema: &Schema, index: usize, depth: usize) -> Value {
        let none = Schema::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required: Vec<&str> = required.filter_map(Value::as_str).collect();
        let most = size(schema, "maxProperties").unwrap_or(usize::MAX).max(required.len());
        let mut filled = Schema::new();
        let mut optional = most - required.len();
        for (name, property) in properties {
            let needed = required.contains(&name.as_str());
            let welcome = depth <= GENEROUS_DEPTH && optional > 0 && *property != json!(false);
            if needed || welcome {
                optional -= usize::from(!needed);
                filled.insert(name.clone(), self.fill(property, name, index, depth + 1));
            }
        }
        let any = json!(true);
        let others = schema.get("additionalProperties").unwrap_or(&any);
        let extra = (1..).map(|it| format!("entry_{it}"));
        let missing = required.iter().filter(|it| !properties.contains_key(**it)).map(|it| (*it).to_owned());
        let least = size(schema, "minProperties").unwrap_or(0).max(filled.len() + missing.clone().count());
        for name in missing.chain(extra) {
            if filled.len() >= least {
                break;
            }
            let value = self.fill(others, &name, index, depth + 1);
            filled.insert(name, value);
        }
        Value::Object(filled)
    }

    fn array(&self, schema: &Schema, name: &str, depth: usize) -> Value {
        let any = json!(true);
        // Up to draft 7 a list under `items` meant what `prefixItems` means now.
        let (prefix, rest) = match (schema.get("prefixItems"), schema.get("items")) {
            (Some(Value::Array(prefix)), items) => (prefix.as_slice(), items.unwrap_or(&any)),
            (_, Some(Value::Array(prefix))) => {
                (prefix.as_slice(), schema.get("additionalItems").unwrap_or(&any))
            }
            (_, items) => (&[][..], items.unwrap_or(&any)),
        };
        let least = size(schema, "minItems").unwrap_or(0);
        let most = size(schema, "maxItems").unwrap_or(usize::MAX);
        let mut count =
            if depth > GENEROUS_DEPTH { least } else { prefix.len().max(2).clamp(least, most.max(least)) };
        if *rest == json!(false) {
            count = count.min(prefix.len());
        }
        if schema.get("uniqueItems") == Some(&json!(true)) {
            let choices = self.flatten(rest, 0, depth, 0).get("enum").and_then(Value::as_array).map(Vec::len);
            count = count.min(choices.unwrap_or(count)).max(least);
        }
        let contained = schema.get("contains").map(|it| json!({ "allOf": [it, rest] }));
        let contained_count = contained.as_ref().map_or(0, |_| size(schema, "minContains").unwrap_or(1));
        let item = |index: usize| match (prefix.get(index), &contained) {
            (Some(own), _) => own,
            (None, Some(contained)) if index < prefix.len() + contained_count => contained,
            _ => rest,
        };
        let count = count.max(if contained_count > 0 { prefix.len() + contained_count } else { 0 });
        (0..count).map(|index| self.fill(item(index), name, index, depth + 1)).collect()
    }

    fn string(&self, schema: &Schema, name: &str, index: usize) -> Value {
        let shortest = size(schema, "minLength").unwrap_or(0);
        let longest = size(schema, "maxLength").unwrap_or(usize::MAX).max(shortest);
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        let words = self.words.for_property(name, index);
        if let Some(found) = text("pattern").and_then(|it| pattern::sample(it, &words, shortest, longest)) {
            return json!(found);
        }
        if let Some(found) = text("format").and_then(formatted) {
            return json!(found);
        }
        let mut fitting: String = words.chars().take(longest).collect();
        let missing = shortest.saturating_sub(fitting.chars().count());
        fitting.extend(" and so on".chars().cycle().take(missing));
        json!(fitting)
    }
}

/// Adds what `part` says; where both speak, properties unite and the outer word stands.
fn merge(flat: &mut Schema, part: Schema) {
    for (key, value) in part {
        match (flat.get_mut(&key), value) {
            (Some(Value::Object(ours)), Value::Object(theirs)) => {
                for (name, schema) in theirs {
                    ours.entry(name).or_insert(schema);
                }
            }
            (Some(Value::Array(ours)), Value::Array(theirs)) if key == "required" => ours.extend(theirs),
            // Of two sets of bounds the narrower one satisfies both.
            (Some(Value::Number(ours)), Value::Number(theirs)) => {
                let narrower =
                    if key.starts_with("max") || key.ends_with("Maximum") { f64::lt } else { f64::gt };
                if let (Some(mine), Some(other)) = (ours.as_f64(), theirs.as_f64())
                    && narrower(&other, &mine)
                {
                    *ours = theirs;
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                flat.insert(key, value);
            }
        }
    }
}

fn kind(schema: &Schema, depth: usize) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let mut kinds: Vec<_> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.sort_by_key(|it| (*it == "null") != (depth > GENEROUS_DEPTH));
            kinds.first().copied().unwrap_or("null")
        }
        _ => {
            let speaks_of = |keys: &[&str]| keys.iter().any(|key| schema.contains_key(*key));
            if speaks_of(&["properties", "required", "additionalProperties", "minProperties"]) {
                "object"
            } else if speaks_of(&["items", "prefixItems", "minItems", "contains"]) {
                "array"
            } else if speaks_of(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])
            {
                "number"
            } else {
                "string"
            }
        }
    }
}

fn size(schema: &Schema, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok())
}

/// The same for the same property in every run: FNV-1a, since the standard hasher may change.
fn luck(name: &str, index: usize) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 8).wrapping_add(index as u64)
}

fn formatted(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "2026-01-02T03:04:05Z",
        "date" => "2026-01-02",
        "time" => "03:04:05Z",
        "duration" => "P1D",
        "email" | "idn-email" => "demo@example.com",
        "hostname" | "idn-hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "uri-reference" | "iri" | "iri-reference" | "url" => "https://example.com/",
        "uuid" => "123e4567-e89b-42d3-a456-426614174000",
        "json-pointer" => "/demo",
        "regex" => "demo",
        _ => return None,
    })
}
