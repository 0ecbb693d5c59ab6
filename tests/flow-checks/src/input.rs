//! Inputs to call flows with.

use serde_json::{Map, Value};

/// An input by its schema: the defaults of its members, and an example of each that is required and has none.
pub(crate) fn example(schema: &Value) -> Value {
    let examples = schema_example::example(schema);
    let is_required =
        |name: &str| schema["required"].as_array().is_some_and(|it| it.iter().any(|it| it == name));
    let mut input = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(default) = property.get("default") {
            input.insert(name.clone(), default.clone());
        } else if is_required(name) {
            input.insert(name.clone(), examples[name].clone());
        }
    }
    Value::Object(input)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_come_first_and_what_is_optional_stays_out() {
        let schema = json!({
            "type": "object",
            "properties": {
                "title": {"type": "string", "minLength": 3, "maxLength": 5},
                "copies": {"type": "integer", "default": 2},
                "note": {"type": ["string", "null"]},
            },
            "required": ["title"],
        });
        let input = example(&schema);
        assert_eq!((&input["copies"], input.get("note")), (&json!(2), None));
        assert!(jsonschema::draft202012::new(&schema).unwrap().is_valid(&input), "{input}");
    }
}
