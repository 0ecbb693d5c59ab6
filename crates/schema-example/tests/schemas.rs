//! The example satisfies its schema, by the word of a real validator.

use schema_example::{example, example_from_defaults, example_with};
use serde_json::{Value, json};

fn schemas() -> impl Iterator<Item = Value> {
    scalars().into_iter().chain(nested()).chain(combined())
}

fn scalars() -> Vec<Value> {
    vec![
        json!(true),
        json!({}),
        json!({"type": "null"}),
        json!({"const": {"a": [1, null]}}),
        json!({"enum": [null, "a", 3]}),
        json!({"enum": [null]}),
        json!({"type": "boolean"}),
        json!({"type": ["null", "integer"], "minimum": 5}),
        json!({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}),
        json!({"type": "integer", "minimum": -7, "maximum": -7}),
        json!({"type": "integer", "minimum": 10, "maximum": 20, "multipleOf": 7}),
        json!({"type": "integer", "maximum": -100}),
        json!({"type": "integer", "minimum": 1_000_000_000_000_u64}),
        json!({"type": "integer", "minimum": 0.5}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
        json!({"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.25}),
        json!({"type": "number", "multipleOf": 0.5}),
        json!({"type": "number", "minimum": 2.5}),
        json!({"type": "string", "minLength": 500}),
        json!({"type": "string", "maxLength": 3}),
        json!({"type": "string", "maxLength": 0}),
        json!({"type": "string", "minLength": 4, "maxLength": 4}),
        json!({"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"}),
        json!({"type": "string", "pattern": "^(foo|bar)?[a-f0-9]+$", "minLength": 30}),
        json!({"type": "string", "pattern": "^\\w+@\\w+\\.com$"}),
        json!({"type": "string", "pattern": "^[^a-z]+$", "maxLength": 5}),
        json!({"type": "string", "pattern": "^.{2,8}$"}),
        json!({"type": "string", "pattern": "[0-9]$"}),
    ]
}

fn nested() -> Vec<Value> {
    let node = json!({"$ref": "#/$defs/node"});
    vec![
        json!({"type": "array"}),
        json!({"type": "array", "items": false}),
        json!({"type": "array", "items": {"type": "integer"}, "minItems": 7, "uniqueItems": true}),
        json!({"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": true}),
        json!({"type": "array", "items": {"type": "string"}, "maxItems": 0}),
        json!({"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "uniqueItems": true}),
        json!({"type": "array", "items": {"type": "string"}, "minItems": 20, "uniqueItems": true}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "null"}], "items": false}),
        json!({"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 100}, "minContains": 2}),
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "array", "items": [{"type": "integer"}], "additionalItems": {"type": "boolean"}, "minItems": 3
        }),
        json!({"type": "object", "required": ["a", "b"]}),
        json!({"type": "object", "properties": {"a": false, "b": {"type": "integer"}}, "additionalProperties": false}),
        json!({"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "maxProperties": 2, "required": ["c"]}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3}),
        json!({"properties": {"a": {"type": "integer"}}, "required": ["a"]}),
        json!({"anyOf": [{"type": "null"}, {"$ref": "#/$defs/x"}], "$defs": {"x": {"type": "string", "minLength": 2}}}),
        json!({"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind", "lives"]},
            {"type": "object", "properties": {"kind": {"const": "dog"}}, "required": ["kind"]}
        ]}),
        json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"],
               "oneOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]}),
        json!({"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"], "properties": {"a": {"minimum": 3}}}]}),
        json!({"allOf": [{"type": "integer", "minimum": 3, "maximum": 9}, {"minimum": 5, "maximum": 20}]}),
        json!({"$ref": "#/$defs/node", "$defs": {"node": {
            "type": "object", "properties": {"value": {"type": "integer"}, "next": {"anyOf": [node, {"type": "null"}]}, "children": {"type": "array", "items": node}},
            "required": ["value", "next", "children"]
        }}}),
        json!({"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "string", "maxLength": 2}}}),
        json!({"type": "object", "properties": {"self": {"$ref": "#"}, "n": {"type": "integer"}}, "required": ["n"]}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {
            "at": {"type": "string", "format": "date-time"}, "mail": {"type": "string", "format": "email"},
            "id": {"type": "string", "format": "uuid"}, "home": {"type": "string", "format": "uri"},
            "ip": {"type": "string", "format": "ipv4"}, "day": {"type": "string", "format": "date"}
        }}),
    ]
}

fn combined() -> Vec<Value> {
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
fn examples_satisfy_their_schemas_whatever_the_words() {
    let texts = ["a plain sentence of some words", "", "日本語のテキスト 🐈 \"quoted\" 42"];
    for schema in schemas() {
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let check = |example: &Value| {
            let faults: Vec<_> = validator.iter_errors(example).map(|it| it.to_string()).collect();
            assert!(faults.is_empty(), "{schema}\n{example}\n{faults:?}");
        };
        check(&example(&schema));
        assert_eq!(example(&schema), example(&schema), "always the same one");
        for text in texts {
            let first = |index: usize| char::from(b'a' + u8::try_from(index % 26).unwrap());
            let words = |property: &str, index| format!("{} {property} {text}", first(index));
            check(&example_with(&schema, &words));
        }
    }
}

#[test]
fn texts_keep_the_callers_words_where_the_schema_lets_them() {
    let schema = json!({
        "type": "object",
        "properties": {
            "plain": {"type": "string"},
            "short": {"type": "string", "maxLength": 4},
            "letters": {"type": "string", "pattern": "^[a-z]+$"},
            "list": {"type": "array", "items": {"type": "string"}}
        }
    });
    let expected = json!({
        "plain": "plain/0", "short": "shor", "letters": "lettersle", "list": ["list/0", "list/1"]
    });
    assert_eq!(example_with(&schema, &|property, index| format!("{property}/{index}")), expected);
}

#[test]
fn defaults_are_taken_and_what_is_null_by_default_is_left_out() {
    let schema = json!({
        "type": "object",
        "properties": {
            "language": {"type": "string", "default": "English", "maxLength": 10},
            "style": {"enum": ["plain", "grand"], "default": "grand"},
            "listener": {"type": ["string", "null"], "default": null},
            "invoice": {"type": "string", "minLength": 1}
        },
        "required": ["invoice"]
    });
    let expected = json!({"language": "English", "style": "grand", "invoice": "A sample invoice"});
    assert_eq!(example_from_defaults(&schema), expected);
    assert_eq!(example(&schema)["style"], "plain");
}
