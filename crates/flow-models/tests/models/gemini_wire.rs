//! What goes over the wire to Gemini, to the last member, and what is read from its answers.

use fake_gemini::{FakeGemini, Matcher, Part as Wire, Reply, SIGNATURE};
use flow_models::Providers;
use flow_runtime::message::{Part, Role};
use flow_runtime::model::{FinishReason, ModelConfig};
use flow_runtime::{CompiledSchema, Generate, ModelEvent, OutputSpec, Runtime, Tool, ToolError};
use futures_util::TryStreamExt as _;
use insta::assert_json_snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{KEY, gemini, says, settings, streamed};

/// A PNG of one pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[derive(Deserialize, JsonSchema)]
struct CityInput {
    /// The city's name.
    #[schemars(length(min = 1))]
    city: String,
}

#[derive(Serialize, JsonSchema)]
struct Weather {
    sky: &'static str,
}

async fn weather(input: CityInput) -> Result<Weather, ToolError> {
    if input.city == "Atlantis" { Err("no such city".into()) } else { Ok(Weather { sky: "clear" }) }
}

fn runtime(fake: &FakeGemini) -> Runtime {
    let tool = Tool::new("get_weather", "Tells the weather in a city.", weather).unwrap();
    Runtime::builder().default_model(gemini(settings(fake))).tool(tool).build().unwrap()
}

#[tokio::test]
async fn text_with_a_system_prompt_and_settings() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::text("Meow.")]);
    let request = Generate::new().prompt("A note about Ada.").system("You are brief.").config(ModelConfig {
        temperature: Some(0.5),
        top_p: Some(0.9),
        max_output_tokens: Some(100),
        stop_sequences: vec!["END".into()],
        ..Default::default()
    });
    let response = runtime(&fake).generate(request).await.unwrap();
    assert_eq!(response.text(), "Meow.");
    assert_eq!(response.finish_reason, FinishReason::Stop);
    assert!(response.usage.input_tokens > 0 && response.usage.output_tokens > 0);
    let sent = fake.request(0);
    assert_eq!(&*sent.path, "/v1beta/models/gemini-3-flash:generateContent");
    assert_eq!((&*sent.query, sent.header("x-goog-api-key")), ("", Some(KEY)));
    assert_json_snapshot!(*sent.body);
}

#[tokio::test]
async fn a_stream_yields_its_chunks_and_then_the_whole() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::chunks(["Es war ", "einmal ", "ein Kätzchen 🐈."])
        .thought("hm")
        .split_bytes(7)
        .finish_alone()]);
    let (deltas, outcome) = streamed(&*gemini(settings(&fake)), &says("A text, please.")).await;
    assert_eq!(deltas, ["Es war ", "einmal ", "ein Kätzchen 🐈."]);
    let response = outcome.unwrap();
    assert_eq!(response.text(), deltas.concat());
    assert!(response.usage.output_tokens > 0);
    let sent = fake.request(0);
    assert!(sent.streams());
    assert_eq!(&*sent.query, "alt=sse");
    assert_json_snapshot!(*sent.body);
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_and_the_thought_signature_go_back() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::call("get_weather", json!({"city": "Oslo"})), Reply::text("Clear skies.")]);
    let request = Generate::new().prompt("How is the weather in Oslo?").tools(["get_weather"]);
    let response = runtime(&fake).generate(request).await.unwrap();
    assert_eq!(response.text(), "Clear skies.");
    assert_json_snapshot!(fake.bodies());
}

#[tokio::test]
async fn tools_are_called_inside_a_stream_as_well() {
    let fake = FakeGemini::start().await;
    fake.script([
        Reply::text("Let me look. ")
            .then([Wire::call("get_weather", json!({"city": "Oslo"})).signed(SIGNATURE)]),
        Reply::chunks(["Clear ", "skies."]),
    ]);
    let request = Generate::new().prompt("How is the weather in Oslo?").tools(["get_weather"]);
    let events: Vec<_> = runtime(&fake).stream(request).try_collect().await.unwrap();
    let [ModelEvent::Text(first), .., ModelEvent::Done(done)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((first.as_str(), done.text().as_str()), ("Let me look. ", "Let me look. Clear skies."));
    assert_eq!(done.message.joined_text(), "Clear skies.", "what came before is in the conversation");
    assert_eq!(done.messages().iter().map(|it| it.content.len()).collect::<Vec<_>>(), [1, 2, 1, 1]);
    assert!(done.usage.input_tokens > 0 && done.usage.output_tokens > 0);
    let second = &fake.bodies()[1]["contents"];
    assert_eq!(second[1]["parts"][1]["thoughtSignature"], SIGNATURE);
    assert_eq!(second[2]["parts"][0]["functionResponse"]["name"], "get_weather");
}

#[tokio::test]
async fn calls_without_ids_in_separate_chunks_stay_apart() {
    let fake = FakeGemini::start().await;
    let call = |city: &str| Wire::call("get_weather", json!({ "city": city }));
    fake.on(
        fake_gemini::Matcher::tool_results().not(),
        Reply::parts([call("Oslo").signed(SIGNATURE)]).then([call("Rome")]).then([call("Kyiv")]),
    );
    let mut request = says("The weather in three cities?");
    let tool = Tool::new("get_weather", "Tells the weather.", weather).unwrap();
    request.tools.push(tool.definition().clone());
    let model = gemini(settings(&fake));
    let (_, outcome) = streamed(&*model, &request).await;
    for response in [outcome.unwrap(), model.generate(&request).await.unwrap()] {
        let calls: Vec<_> =
            response.tool_requests().map(|it| (it.reference.clone(), it.input.clone())).collect();
        assert_eq!(calls.len(), 3);
        let references: std::collections::HashSet<_> = calls.iter().map(|(reference, _)| reference).collect();
        assert_eq!(references.len(), 3, "{calls:?}");
        assert_eq!(calls[1].1, json!({"city": "Rome"}));
        let Part::ToolRequest { metadata, .. } = &response.message.content[0] else { panic!("a call first") };
        assert_eq!(metadata["thoughtSignature"], SIGNATURE);
    }
}

#[tokio::test]
async fn ids_that_gemini_gives_come_back_with_the_results() {
    let fake = FakeGemini::start().await;
    let call = |city: &str, id: &str| Wire::call("get_weather", json!({ "city": city })).id(id);
    fake.script([
        Reply::parts([call("Atlantis", "a1").signed(SIGNATURE), call("Rome", "b2")]),
        Reply::text("One is lost, one is clear."),
    ]);
    let request = Generate::new().prompt("How is the weather?").tools(["get_weather"]);
    runtime(&fake).generate(request).await.unwrap();
    let results: Vec<Value> = fake.request(1).tool_results().into_iter().cloned().collect();
    assert_json_snapshot!(results);
}

#[tokio::test]
async fn a_json_schema_goes_out_and_the_answer_satisfies_it() {
    let fake = FakeGemini::start().await;
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"name": {"type": "string"}, "skill": {"$ref": "#/$defs/Skill"}},
        "required": ["name", "skill"],
        "$defs": {"Skill": {"type": "integer", "minimum": 0, "maximum": 100}}
    });
    let schema = CompiledSchema::compile("Person", schema).unwrap();
    let request = Generate::new()
        .prompt("A person named Luna.")
        .output_schema(&schema)
        .config(ModelConfig { temperature: Some(1.0), ..Default::default() });
    let response = runtime(&fake).generate(request).await.unwrap();
    assert!(schema.violations(&serde_json::from_str(&response.text()).unwrap()).is_empty());
    assert_json_snapshot!(*fake.request(0).body);
}

#[tokio::test]
async fn an_image_goes_by_its_address() {
    let fake = FakeGemini::start().await;
    let address = "https://example.com/images/demo.png?size=1";
    let request = Generate::new().prompt("Describe this image.").media(address, None);
    runtime(&fake).generate(request).await.unwrap();
    assert_eq!(fake.request(0).media(), ["image/png"]);
    assert_json_snapshot!(*fake.request(0).body);
}

#[tokio::test]
async fn an_image_in_a_data_uri_goes_inline() {
    let fake = FakeGemini::start().await;
    let image = format!("data:image/png;base64,{PIXEL}");
    let request = Generate::new().prompt("Describe this image.").media(image, None);
    runtime(&fake).generate(request).await.unwrap();
    assert_json_snapshot!(*fake.request(0).body);
}

#[tokio::test]
async fn a_name_that_ends_like_an_effort_is_sent_whole() {
    let fake = FakeGemini::start().await;
    let providers = Providers::new(settings(&fake)).unwrap();
    let model = providers.model("googleai/gemini-2.5-flash-low").unwrap();
    assert_eq!(model.name(), "googleai/gemini-2.5-flash-low");
    model.generate(&says("Hello.")).await.unwrap();
    assert_eq!(fake.request(0).model(), "gemini-2.5-flash-low");
    assert_eq!(fake.bodies()[0].get("generationConfig"), None);
}

#[tokio::test]
async fn what_says_nothing_is_left_out() {
    let fake = FakeGemini::start().await;
    let mut request = says("Hello.");
    let pending = Part::Pending { metadata: serde_json::Map::from_iter([("pending".into(), json!(true))]) };
    std::sync::Arc::make_mut(&mut request.messages)
        .push(flow_runtime::message::Message::new(Role::User, vec![pending]));
    gemini(settings(&fake)).generate(&request).await.unwrap();
    assert_eq!(fake.request(0).contents().len(), 1);
}

/// The fake refuses both in one request for such a model, as Google does.
#[tokio::test]
async fn an_older_gemini_gets_tools_and_a_schema_in_words() {
    let fake = FakeGemini::start().await;
    fake.on(Matcher::tools(), Reply::call("get_weather", json!({"city": "Oslo"})));
    fake.on(Matcher::tool_results(), Reply::text(r#"{"warm": false}"#));
    let old = Providers::new(settings(&fake)).unwrap().model("googleai/gemini-2.5-flash").unwrap();
    let tool = Tool::new("get_weather", "Tells the weather in a city.", weather).unwrap();
    let runtime = Runtime::builder().default_model(old).tool(tool).build().unwrap();
    let schema = json!({"type": "object", "properties": {"warm": {"type": "boolean"}}, "required": ["warm"]});
    let output = OutputSpec::<Value>::new("Warmth", schema).unwrap();
    let asked = Generate::new().prompt("Is it warm in Oslo?").tools(["get_weather"]);
    assert_eq!(runtime.generate_as(asked, &output).await.unwrap(), json!({"warm": false}));
    assert!(fake.requests().iter().all(|it| it.schema().is_none() && it.prompt().contains("\"warm\"")));
}
