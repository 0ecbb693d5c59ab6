use serde_json::{Value, json};

use super::complete;
use crate::drain::Drain;
use crate::edge::{Edge, EdgeConfig};
use crate::flow::{FlowInfo, OperationInfo};
use crate::schema::TypeInfo;
use crate::schema::samples::{Request, Response};

const TABLE: &[FlowInfo] = &[FlowInfo {
    name: "say",
    unary: Some(OperationInfo { route: "/say", summary: "Says it." }),
    streamed: Some(OperationInfo { route: "/say/stream", summary: "Says it, word by word." }),
    streamed_member: "said",
    cached: false,
    input: TypeInfo::of::<Request>(),
    output: TypeInfo::of::<Response>(),
}];

fn document() -> Value {
    let config = EdgeConfig { name: "shop".into(), max_body_size: 1000, ..EdgeConfig::default() };
    let edge = Edge::new(config, Drain::default());
    let operation = json!({"post": {
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/x/Request"}}}},
        "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/x/Response"}}}}},
    }});
    complete(&json!({"paths": {"/say": operation, "/say/stream": operation}}), TABLE, &edge)
}

#[test]
fn errors_have_the_examples_that_are_really_sent() {
    let document = document();
    let example = |response: &str, media_type: &str, slug: &str| {
        let content = &document["components"]["responses"][response]["content"][media_type];
        content["examples"][slug]["value"].clone()
    };
    let expected = json!({
        "type": "urn:shop:problem:body-too-large",
        "title": "Body too large",
        "status": 413,
        "detail": "The body is larger than 1000 bytes.",
        "request_id": "123e4567-e89b-42d3-a456-426614174000",
    });
    assert_eq!(example("Problem413", "application/problem+json", "body-too-large"), expected);
    let expected = json!({
        "status": "INVALID_ARGUMENT",
        "message": "The input has 1 fault.",
        "details": {"errors": [{"path": "/data/member", "message": "must be of type string"}]},
    });
    // A fault of the input is 400 for Genkit's clients.
    assert_eq!(example("GenkitError400", "application/json", "invalid-input"), expected);
    assert_eq!(example("GenkitError422", "application/json", "invalid-input"), Value::Null);
    let kinds = example("Problem503", "application/problem+json", "unavailable");
    assert_eq!(kinds["retry_after"], 1);
}

#[test]
fn streams_have_the_frames_that_are_really_sent() {
    let document = document();
    let frames = |path: &str| {
        let content = &document["paths"][path]["post"]["responses"]["200"]["content"]["text/event-stream"];
        ["whole", "broken-off"].map(|it| content["examples"][it]["value"].as_str().unwrap().to_owned())
    };
    let [whole, broken_off] = frames("/say/stream");
    assert_eq!(
        whole,
        "data: {\"chunk\":\"A \"}\n\ndata: {\"chunk\":\"sample \"}\n\ndata: {\"chunk\":\"said\"}\n\n\
         data: {\"done\":true,\"said\":\"A sample said\"}\n\n"
    );
    assert!(broken_off.contains("data: {\"error\":{\"type\":\"urn:shop:problem:model-failed\""));
    let [whole, broken_off] = frames("/flows/say");
    assert!(whole.starts_with("data: {\"message\":\"A \"}\n\n"));
    assert!(whole.ends_with("data: {\"result\":{\"said\":\"A sample said\"}}\n\n"));
    assert!(broken_off.ends_with(
        "data: {\"error\":{\"status\":\"UNAVAILABLE\",\"message\":\"The model's server failed or broke off.\"}}\n\n"
    ));
}

#[test]
fn inputs_are_their_defaults_and_what_comes_back_says_what_it_is() {
    let operation = &document()["paths"]["/say"]["post"];
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    assert_eq!(*example, serde_json::to_value(Request::default()).unwrap());
    assert_eq!(operation["summary"], "Says it");
    assert_eq!(operation["responses"]["200"]["description"], "What was said.");
}
