//! JSON Schemas as servers take them. What a server refuses is left out; an answer is checked against the whole schema.

use serde_json::{Map, Value, json};

/// Without `$schema`, which no provider takes, and with `{}` for `true`, which llama.cpp refuses.
pub(crate) fn plain(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(members) = &mut schema {
        members.shift_remove("$schema");
    }
    each(&mut schema, &|_| {});
    schema
}

/// The parameters of a function for OpenAI and those who speak like it: some refuse them without `properties`.
pub(crate) fn parameters(schema: &Value) -> Value {
    let mut schema = plain(schema);
    if let Value::Object(members) = &mut schema {
        members.entry("properties").or_insert_with(|| json!({}));
    }
    schema
}

/// For OpenAI's strict mode: no member but those named. Only of use if [`is_strict`] says so.
pub(crate) fn strict(schema: &Value) -> Value {
    let mut schema = plain(schema);
    each(&mut schema, &|members| {
        members.shift_remove("default");
        drop_format(members);
        close(members);
    });
    schema
}

/// Whether OpenAI's strict mode takes a schema: all members are required, and no keyword is used that it refuses
/// (<https://platform.openai.com/docs/guides/structured-outputs>, "Supported schemas").
pub(crate) fn is_strict(schema: &Value) -> bool {
    const REFUSED: [&str; 18] = [
        "uniqueItems",
        "contains",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "unevaluatedItems",
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "patternProperties",
        "propertyNames",
        "unevaluatedProperties",
    ];
    let open = std::cell::Cell::new(false);
    each(&mut schema.clone(), &|members| {
        let required: Vec<_> =
            members.get("required").and_then(Value::as_array).into_iter().flatten().collect();
        let is_optional = |name: &String| !required.iter().any(|it| it.as_str() == Some(name));
        let properties = members.get("properties").and_then(Value::as_object);
        let optional = properties.is_some_and(|it| it.keys().any(is_optional));
        let is_map = members.get("additionalProperties").is_some_and(|it| it.as_bool() != Some(false));
        let says_nothing =
            ["type", "anyOf", "$ref", "enum", "const"].iter().all(|it| !members.contains_key(*it));
        if optional || is_map || says_nothing || REFUSED.iter().any(|it| members.contains_key(*it)) {
            open.set(true);
        }
    });
    !open.get() && schema.get("type").and_then(Value::as_str) == Some("object")
}

/// For Anthropic: no member but those named, and no bounds
/// (<https://docs.claude.com/en/docs/build-with-claude/structured-outputs>, "JSON Schema limitations").
pub(crate) fn without_bounds(schema: &Value) -> Value {
    const BOUNDS: [&str; 17] = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "uniqueItems",
        "contains",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "default",
    ];
    let mut schema = plain(schema);
    each(&mut schema, &|members| {
        members.retain(|name, _| !BOUNDS.contains(&name.as_str()));
        drop_format(members);
        close(members);
    });
    schema
}

/// Formats that providers do not know go.
fn drop_format(members: &mut Map<String, Value>) {
    const FORMATS: [&str; 9] =
        ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];
    if members.get("format").and_then(Value::as_str).is_some_and(|it| !FORMATS.contains(&it)) {
        members.shift_remove("format");
    }
}

/// An object's schema gets `additionalProperties: false`, unless it describes a map.
fn close(members: &mut Map<String, Value>) {
    let is_object = match members.get("type") {
        Some(Value::String(only)) => only == "object",
        Some(Value::Array(several)) => several.iter().any(|it| it == "object"),
        _ => false,
    };
    if is_object && (members.contains_key("properties") || !members.contains_key("additionalProperties")) {
        members.insert("additionalProperties".into(), false.into());
    }
}

/// Does something to a schema and all schemas in it, those that are only `true` spelled as objects.
fn each(schema: &mut Value, act: &dyn Fn(&mut Map<String, Value>)) {
    if *schema == Value::Bool(true) {
        *schema = json!({});
    }
    let Value::Object(members) = schema else { return };
    act(members);
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(inner)) => {
                for it in inner.values_mut() {
                    each(it, act);
                }
            }
            ("anyOf" | "allOf" | "oneOf" | "prefixItems", Value::Array(inner)) => {
                for it in inner {
                    each(it, act);
                }
            }
            ("items" | "not", inner) | ("additionalProperties", inner @ Value::Object(_)) => each(inner, act),
            _ => {}
        }
    }
}

/// The schema in words, for a model that takes none.
pub(crate) fn in_words(schema: &Value) -> String {
    format!(
        "Answer with JSON alone, without a fence around it. The JSON must satisfy this JSON Schema:\n{}",
        plain(schema)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Value {
        json!({
            "$schema": "x",
            "type": "object",
            "properties": {
                "minimum": {"type": "integer", "minimum": 0, "maximum": 9},
                "tags": {"type": "array", "maxItems": 3, "items": {"$ref": "#/$defs/Tag"}},
                "by_name": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 5}},
            },
            "required": ["minimum", "tags"],
            "$defs": {"Tag": {"type": "object", "properties": {"at": {"type": "string", "format": "regex"}}}},
        })
    }

    #[test]
    fn bounds_go_and_members_of_their_names_stay() {
        assert_eq!(
            without_bounds(&person()),
            json!({
                "type": "object",
                "properties": {
                    "minimum": {"type": "integer"},
                    "tags": {"type": "array", "items": {"$ref": "#/$defs/Tag"}},
                    "by_name": {"type": "object", "additionalProperties": {"type": "string"}},
                },
                "required": ["minimum", "tags"],
                "$defs": {"Tag": {"type": "object", "properties": {"at": {"type": "string"}}, "additionalProperties": false}},
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn a_schema_with_an_optional_member_is_not_strict() {
        let mut schema =
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
        assert!(is_strict(&schema));
        assert_eq!(strict(&schema)["additionalProperties"], false);
        schema["properties"]["b"] = json!({"type": "string"});
        assert!(!is_strict(&schema));
        assert!(!is_strict(&person()));
        assert!(!is_strict(&json!({"type": "string"})));
    }

    #[test]
    fn a_schema_of_anything_is_an_object_and_not_strict() {
        let schema = json!({
            "type": "object",
            "properties": {"any": true, "list": {"type": "array", "items": true}},
            "required": ["any", "list"],
            "additionalProperties": true,
        });
        let mut plain_form = schema.clone();
        plain_form["properties"] = json!({"any": {}, "list": {"type": "array", "items": {}}});
        assert_eq!(plain(&schema), plain_form);
        plain_form["additionalProperties"] = false.into();
        assert!(!is_strict(&plain_form));
        plain_form["properties"] = json!({"any": true, "list": {"type": "array", "items": {"type": "null"}}});
        assert!(!is_strict(&plain_form));
    }

    #[test]
    fn a_function_without_parameters_has_properties() {
        assert_eq!(parameters(&json!({"type": "object"})), json!({"type": "object", "properties": {}}));
    }
}
