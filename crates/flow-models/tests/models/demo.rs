//! The demo model: offline, the same every time, and valid against any schema.

use std::time::Duration;

use flow_models::demo::Demo;
use flow_runtime::message::{Message, Part, Role};
use flow_runtime::model::{ModelRequest, OutputSchema};
use flow_runtime::{Generate, Model, Runtime, Tool, ToolError};
use insta::assert_snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{says, streamed};

const DEMO: fn() -> Demo = || Demo::new(Duration::ZERO);

async fn fill(prompt: &str, schema: Value) -> Value {
    let output_schema = Some(OutputSchema { name: "any".into(), schema: schema.into() });
    let request = ModelRequest { output_schema, ..says(prompt) };
    serde_json::from_str(&DEMO().generate(&request).await.unwrap().text()).unwrap()
}

#[tokio::test]
async fn prose_fits_the_request() {
    let mut pirate = says("What is the best programming language?");
    pirate.messages.insert(0, Message::text(Role::System, "You are a pirate captain."));
    let mut image = says("Describe this image.");
    image.messages[0].content.push(Part::media("data:image/png;base64,iVBORw0KGgo=", None));
    let mut address = says("Describe this image.");
    address.messages[0].content.push(Part::media("https://example.com/images/cat.jpg?x=1", None));
    let requests = [
        says("Tell a joke about Mittens."),
        says("Tell a story about a brave cat."),
        pirate,
        image,
        address,
        says("Translate the following text to German: Good morning, \"friends\"."),
        says("Write a function in Rust that counts to ten."),
        says("Hello there!"),
        says(""),
    ];
    let mut said = Vec::new();
    for request in requests {
        let first = DEMO().generate(&request).await.unwrap();
        assert_eq!(first, DEMO().generate(&request).await.unwrap(), "the same every time");
        said.push(first.text());
    }
    assert_snapshot!(said.join("\n\n"));
}

#[tokio::test]
async fn a_stream_comes_word_by_word_and_says_the_same() {
    let request = says("Tell a story about a brave cat.");
    let (deltas, outcome) = streamed(&DEMO(), &request).await;
    assert!(deltas.len() > 50);
    let response = outcome.unwrap();
    assert_eq!(deltas.concat(), response.text());
    assert_eq!(response, DEMO().generate(&request).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_stream_takes_its_time_and_a_unary_answer_does_not() {
    let demo = Demo::new(Duration::from_millis(15));
    let start = tokio::time::Instant::now();
    demo.generate(&says("A joke about Mittens.")).await.unwrap();
    assert!(start.elapsed().is_zero());
    let (deltas, _) = streamed(&demo, &says("A joke about Mittens.")).await;
    assert_eq!(start.elapsed().as_millis(), 15 * deltas.len() as u128);
}

#[derive(Deserialize, JsonSchema)]
struct Place {
    #[schemars(regex(pattern = r"^[A-Z][a-z]+/[A-Z][a-z]+$"))]
    zone: String,
}

#[derive(Serialize, JsonSchema)]
struct Time {
    time: String,
}

#[tokio::test]
async fn a_tool_is_called_once_with_fitting_arguments_and_its_result_is_told() {
    let clock =
        |place: Place| async move { Ok::<_, ToolError>(Time { time: format!("noon in {}", place.zone) }) };
    let runtime = Runtime::builder()
        .default_model(std::sync::Arc::new(DEMO()))
        .tool(Tool::new("get_current_time", "Tells the time.", clock).unwrap())
        .build()
        .unwrap();
    let request = Generate::new().prompt("Tell a joke about Mittens.").tools(["get_current_time"]);
    let said = runtime.generate(request).await.unwrap().text();
    assert!(said.starts_with("get_current_time says noon in "), "{said}");
    assert!(said.contains("Mittens"), "{said}");
}

#[tokio::test]
async fn the_sample_s_own_shapes_are_filled_with_sense() {
    let schema = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "backStory": {"type": "string"},
            "abilities": {"type": "array", "items": {"type": "string"}, "maxItems": 10},
            "skills": {
                "type": "object",
                "properties": {
                    "strength": {"type": "integer", "minimum": 0, "maximum": 100},
                    "charisma": {"type": "integer", "minimum": 0, "maximum": 100}
                },
                "required": ["strength", "charisma"]
            },
            "code": {"type": "string"},
            "filename": {"type": "string"},
            "language": {"type": "string", "maxLength": 50, "pattern": "^[a-zA-Z#+]+$"},
            "confidence": {"enum": ["high", "medium", "low"]}
        },
        "required": ["name"]
    });
    let filled = fill("Generate a character named Luna who writes TypeScript", schema).await;
    insta::assert_json_snapshot!(filled);
}

#[tokio::test]
async fn every_instance_satisfies_its_schema() {
    let node = json!({"$ref": "#/$defs/node"});
    let schemas = [
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
    ];
    for schema in schemas {
        for prompt in ["A story about a brave cat in Python", "", "日本語のプロンプト 🐈 \"quoted\" 42"]
        {
            let filled = fill(prompt, schema.clone()).await;
            let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            let faults: Vec<_> = validator.iter_errors(&filled).map(|it| it.to_string()).collect();
            assert!(faults.is_empty(), "{schema}\n{filled}\n{faults:?}");
        }
    }
}
