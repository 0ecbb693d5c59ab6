use serde_json::{Value, json};

use super::complete;
use crate::drain::Drain;
use crate::edge::{Edge, EdgeConfig};
use crate::flow::{FlowInfo, OperationInfo, StreamForm};
use crate::schema::TypeInfo;
use crate::schema::samples::{Request, Response};

const SAY: FlowInfo = FlowInfo {
    name: "say",
    unary: Some(OperationInfo { route: "/say", summary: "Says it." }),
    streamed: Some(OperationInfo { route: "/say/stream", summary: "Says it, word by word." }),
    form: Some(StreamForm::Text { member: "said" }),
    cached: false,
    input: TypeInfo::of::<Request>(),
    output: TypeInfo::of::<Response>(),
};

/// Its result is what another takes as its input: it has limits.
const ASK: FlowInfo = FlowInfo {
    name: "ask",
    unary: None,
    streamed: Some(OperationInfo { route: "/ask/stream", summary: "Asks." }),
    form: Some(StreamForm::Partial),
    cached: false,
    input: TypeInfo::of::<Response>(),
    output: TypeInfo::of::<Request>(),
};

const TABLE: &[FlowInfo] = &[SAY, ASK];

fn document() -> Value {
    let config = EdgeConfig { name: "shop".into(), max_body_size: 1000, ..EdgeConfig::default() };
    let edge = Edge::new(config, Drain::default());
    let operation = json!({"post": {
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/x/Request"}}}},
        "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/x/Response"}}}}},
    }});
    let paths = json!({"/say": operation, "/say/stream": operation, "/ask/stream": operation});
    complete(&json!({"paths": paths}), TABLE, &edge)
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
fn a_stream_of_partial_objects_has_their_frames_and_asks_nothing_of_them() {
    let document = document();
    let content = |path: &str| {
        document["paths"][path]["post"]["responses"]["200"]["content"]["text/event-stream"].clone()
    };
    let (rest, genkit) = (content("/ask/stream"), content("/flows/ask"));
    let whole = rest["examples"]["whole"]["value"].as_str().unwrap();
    let frames: Vec<Value> = whole
        .split_terminator("\n\n")
        .map(|it| serde_json::from_str(it.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    assert_eq!(frames.len(), 5, "{whole}");
    assert_eq!(frames[0].as_object().unwrap().keys().next().unwrap(), "partial");
    assert_eq!(frames[0]["partial"].as_object().unwrap().len(), 1);
    let mut last = frames[3]["partial"].clone();
    last.as_object_mut().unwrap().shift_insert(0, "done".into(), true.into());
    assert_eq!(frames[4].to_string(), last.to_string(), "`done` comes first");

    let documents = |content: &Value| {
        content["x-itemSchema"]["properties"]["data"]["contentSchema"]["oneOf"].as_array().unwrap().clone()
    };
    let [chunk, done, _] = &documents(&rest)[..] else { panic!("{rest}") };
    let known = json!({
        "description": "A text to say, and the language it is in.",
        "type": "object",
        "properties": {
            "text": {"type": "string"}, "language": {"type": "string"}, "times": {"type": "integer"},
            "tone": {"type": "string"},
        },
    });
    assert_eq!(chunk["properties"]["partial"], known);
    assert_eq!(done["properties"]["language"]["maxLength"], 50);
    assert_eq!(done["required"][0], "done");
    assert_eq!(documents(&genkit)[0]["properties"]["message"], known);
}

#[test]
fn inputs_are_their_defaults_and_what_comes_back_says_what_it_is() {
    let operation = &document()["paths"]["/say"]["post"];
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    assert_eq!(*example, serde_json::to_value(Request::default()).unwrap());
    assert_eq!(operation["summary"], "Says it");
    assert_eq!(operation["responses"]["200"]["description"], "What was said.");
}
