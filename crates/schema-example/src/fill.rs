//! Values for a schema, by its type.

use serde_json::{Value, json};

use crate::flatten::{MAX_DEPTH, OPTIONAL_DEPTH, Place, Schema, flatten};
use crate::{number, pattern};

/// Fills a schema with values.
pub(crate) struct Filler<'a> {
    root: &'a Value,
    words: &'a dyn Fn(&str, usize) -> String,
    defaults: bool,
}

impl<'a> Filler<'a> {
    pub(crate) fn new(root: &'a Value, words: &'a dyn Fn(&str, usize) -> String) -> Self {
        Self { root, words, defaults: false }
    }

    /// With the schema's own defaults where it has them.
    pub(crate) fn with_defaults(self) -> Self {
        Self { defaults: true, ..self }
    }

    pub(crate) fn example(&self) -> Value {
        self.fill(self.root, "answer", Place { index: 0, depth: 0 })
    }

    fn fill(&self, schema: &Value, name: &str, place: Place) -> Value {
        let Place { index, depth } = place;
        if depth > MAX_DEPTH || *schema == json!(false) {
            return Value::Null;
        }
        let schema = flatten(self.root, schema, place);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(value) = schema.get("default").filter(|it| self.defaults && !it.is_null()) {
            return value.clone();
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            let values: Vec<_> = values.iter().filter(|it| !it.is_null()).collect();
            return values.get(index % values.len().max(1)).map_or(Value::Null, |it| (*it).clone());
        }
        match kind(&schema, depth) {
            "null" => Value::Null,
            "boolean" => json!(index.is_multiple_of(2)),
            "integer" => number::integer(&schema, seed(name, index)),
            "number" => number::number(&schema, seed(name, index)),
            "array" => self.array(&schema, name, depth),
            "object" => self.object(&schema, place),
            _ => self.string(&schema, name, index),
        }
    }

    fn object(&self, schema: &Schema, place: Place) -> Value {
        let inside = Place { depth: place.depth + 1, ..place };
        let none = Schema::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required: Vec<&str> = required.filter_map(Value::as_str).collect();
        let most = size(schema, "maxProperties").unwrap_or(usize::MAX).max(required.len());
        let mut filled = Schema::new();
        let mut optional = most - required.len();
        for (name, property) in properties {
            let needed = required.contains(&name.as_str());
            let absent = self.defaults && property.get("default") == Some(&Value::Null);
            let welcome =
                place.depth <= OPTIONAL_DEPTH && optional > 0 && *property != json!(false) && !absent;
            if needed || welcome {
                optional -= usize::from(!needed);
                filled.insert(name.clone(), self.fill(property, name, inside));
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
            let value = self.fill(others, &name, inside);
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
            if depth > OPTIONAL_DEPTH { least } else { prefix.len().max(2).clamp(least, most.max(least)) };
        if *rest == json!(false) {
            count = count.min(prefix.len());
        }
        if schema.get("uniqueItems") == Some(&json!(true)) {
            let choices = flatten(self.root, rest, Place { index: 0, depth })
                .get("enum")
                .and_then(Value::as_array)
                .map(Vec::len);
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
        let inside = |index| Place { index, depth: depth + 1 };
        (0..count).map(|index| self.fill(item(index), name, inside(index))).collect()
    }

    fn string(&self, schema: &Schema, name: &str, index: usize) -> Value {
        let shortest = size(schema, "minLength").unwrap_or(0);
        let longest = size(schema, "maxLength").unwrap_or(usize::MAX).max(shortest);
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        let words = (self.words)(name, index);
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

fn kind(schema: &Schema, depth: usize) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let mut kinds: Vec<_> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.sort_by_key(|it| (*it == "null") != (depth > OPTIONAL_DEPTH));
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

/// A number that is the same for the same property in every run: FNV-1a, because the standard hasher may change.
fn seed(name: &str, index: usize) -> u64 {
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
