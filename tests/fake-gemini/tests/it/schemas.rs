//! The instance satisfies its schema, by the word of a real validator.

use fake_gemini::instance;
use serde_json::{Value, json};

fn schemas() -> Vec<Value> {
    vec![
        json!({ "type": "string", "minLength": 40, "maxLength": 45 }),
        json!({ "type": "string", "maxLength": 3 }),
        json!({ "type": "string", "pattern": "^[a-z][a-z0-9_-]{1,30}$", "minLength": 9 }),
        json!({ "type": "string", "pattern": "\\S", "minLength": 5, "maxLength": 9 }),
        json!({ "type": ["null", "string"], "enum": [null, "x"] }),
        json!({ "type": "integer", "minimum": 1, "maximum": 5 }),
        json!({ "type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3 }),
        json!({ "type": "integer", "format": "uint32", "minimum": 0, "maximum": 4_294_967_295_u32 }),
        json!({ "type": "number", "minimum": 0.0, "maximum": 1.0 }),
        json!({ "type": "number", "minimum": 0.1, "maximum": 0.3 }),
        json!({ "type": "integer", "minimum": 7, "multipleOf": 5 }),
        json!({ "type": "array", "items": { "type": "integer" }, "minItems": 3, "uniqueItems": true }),
        json!({ "type": "array", "items": { "enum": ["only"] }, "uniqueItems": true }),
        json!({ "type": "array", "items": { "type": "string", "minLength": 30 }, "maxItems": 1 }),
        json!({ "type": "array", "prefixItems": [{ "const": 1 }, { "type": "boolean" }], "items": false, "minItems": 2 }),
        json!({ "type": "object", "additionalProperties": { "type": "integer" }, "minProperties": 2 }),
        json!({ "required": ["free"], "properties": { "id": { "type": "string", "format": "uuid" } } }),
        json!({ "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/A" }], "$defs": { "A": { "const": { "a": 1 } } } }),
        json!({
            "type": "object",
            "required": ["kind"],
            "oneOf": [
                { "properties": { "kind": { "const": "circle" }, "r": { "type": "number" } }, "required": ["r"] },
                { "properties": { "kind": { "const": "square" }, "a": { "type": "number" } }, "required": ["a"] },
            ],
        }),
        json!({
            "allOf": [{ "$ref": "#/$defs/Base" }, { "properties": { "b": { "type": "boolean" } }, "required": ["b"] }],
            "$defs": { "Base": { "type": "object", "properties": { "a": { "type": "integer" } }, "required": ["a"] } },
        }),
        // A tree, and a list by optional links: both end.
        json!({
            "$ref": "#/$defs/Node",
            "$defs": { "Node": {
                "type": "object",
                "properties": {
                    "name": { "type": "string" },
                    "children": { "type": "array", "items": { "$ref": "#/$defs/Node" } },
                    "next": { "anyOf": [{ "$ref": "#/$defs/Node" }, { "type": "null" }] },
                },
                "required": ["name", "children", "next"],
            } },
        }),
        json!(true),
        json!({}),
    ]
}

#[test]
fn instances_satisfy_their_schemas() {
    for schema in schemas() {
        let value = instance(&schema);
        assert!(jsonschema::is_valid(&schema, &value), "{schema} made {value}");
        assert_eq!(value, instance(&schema), "always the same one");
    }
}
