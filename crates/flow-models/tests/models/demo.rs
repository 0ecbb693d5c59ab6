//! The demo model: offline, the same every time, and valid against any schema.

use std::time::Duration;

use flow_models::demo::Demo;
use flow_runtime::message::Part;
use flow_runtime::model::ModelRequest;
use flow_runtime::{Generate, Model, Runtime, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{says, streamed};

/// A demo model that does not pause.
fn demo() -> Demo {
    Demo::new().chunk_delay(Duration::ZERO)
}

#[tokio::test]
async fn without_answers_handed_in_it_says_something_plain() {
    let mut image = says("What is this?");
    std::sync::Arc::make_mut(&mut image.messages)[0]
        .content
        .push(Part::media("data:image/png;base64,iVBORw0KGgo=", None));
    let mut address = says("What is this?");
    std::sync::Arc::make_mut(&mut address.messages)[0]
        .content
        .push(Part::media("https://example.com/images/cat.jpg?x=1", None));
    let mut texts = Vec::new();
    for request in [says("Hello there!"), says(""), image, address] {
        let first = demo().generate(&request).await.unwrap();
        assert_eq!(first, demo().generate(&request).await.unwrap(), "the same every time");
        texts.push(first.text());
    }
    insta::assert_snapshot!(texts.join("\n\n"));
}

#[tokio::test]
async fn answers_handed_in_come_first_in_prose_and_in_properties() {
    let demo = demo().with_answers(|question| match question.property.as_deref() {
        None => Some(format!("All about {}.", question.subject)),
        Some("verse") => Some("Roses are red.".to_owned()),
        Some(_) => None,
    });
    let request = says("A ballad about Mittens.");
    assert_eq!(demo.generate(&request).await.unwrap().text(), "All about Mittens.");
    let texts = ["title", "verse", "summary", "remark"];
    let properties: Map<_, _> =
        texts.map(|name| (name.to_owned(), json!({"type": "string"}))).into_iter().collect();
    let verses = json!({"type": "array", "items": {"type": "string"}});
    let schema = json!({"properties": {"verse": verses, "ballad": {"properties": properties}}});
    let output_schema = Some(flow_runtime::CompiledSchema::compile("any", schema).unwrap());
    let answer = demo.generate(&ModelRequest { output_schema, ..request }).await.unwrap().text();
    let expected = json!({
        "verse": ["Roses are red.", "brave Roses are red."],
        "ballad": {
            "title": "Mittens", "verse": "Roses are red.", "summary": "All about Mittens.",
            "remark": "quick remark of Mittens"
        }
    });
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), expected);
}

#[tokio::test]
async fn a_stream_comes_word_by_word_and_says_the_same() {
    let request = says("Say something about a quiet harbour.");
    let (deltas, outcome) = streamed(&demo(), &request).await;
    assert!(deltas.len() > 20);
    let response = outcome.unwrap();
    assert_eq!(deltas.concat(), response.text());
    assert_eq!(response, demo().generate(&request).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_stream_takes_its_time_and_a_unary_answer_does_not() {
    let demo = Demo::new();
    let start = tokio::time::Instant::now();
    demo.generate(&says("A ballad about Mittens.")).await.unwrap();
    assert!(start.elapsed().is_zero());
    let (deltas, _) = streamed(&demo, &says("A ballad about Mittens.")).await;
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
        .default_model(std::sync::Arc::new(demo()))
        .tool(Tool::new("get_current_time", "Tells the time.", clock).unwrap())
        .build()
        .unwrap();
    let request = Generate::new().prompt("Tell me about Mittens.").tools(["get_current_time"]);
    let said = runtime.generate(request).await.unwrap().text();
    assert!(said.starts_with("get_current_time says noon in "), "{said}");
    assert!(said.contains("Mittens"), "{said}");
}
