//! Which name leads to which provider, and what the others than Gemini are sent.

use std::sync::Arc;

use fake_gemini::FakeGemini;
use flow_models::options::{
    AnthropicOptions, GeminiOptions, HarmCategory, HarmThreshold, OpenAiOptions, SafetySetting, Verbosity,
};
use flow_models::{ProviderSettings, Providers, VertexSettings};
use flow_runtime::message::{Message, Part, Role};
use flow_runtime::model::{ModelConfig, ModelRequest, ToolDefinition};
use flow_runtime::{CompiledSchema, ModelError, Prompts, Rejection, Runtime};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::{KEY, says, streamed};

/// Settings that lead every provider to this address; it answers 404 to whatever is not Gemini.
fn all_at(origin: &str) -> ProviderSettings {
    let key = || Some(KEY.into());
    let origin = || Some(origin.to_owned());
    ProviderSettings {
        gemini_api_key: key(),
        gemini_base_url: origin(),
        openai_api_key: key(),
        openai_base_url: origin().map(|it| format!("{it}/compatible/v1")),
        anthropic_api_key: key(),
        anthropic_base_url: origin(),
        ollama_base_url: origin(),
        vertex: Some(VertexSettings {
            project: "p".into(),
            location: "global".into(),
            token: Some(KEY.into()),
            base_url: None,
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_name_is_served_by_its_prefix_or_not_at_all() {
    let fake = FakeGemini::start().await;
    let providers = Providers::new(all_at(&fake.origin())).unwrap();
    for name in [
        "demo",
        "googleai/x",
        "openai/x",
        "openai/ft:gpt-4o-mini:acme::9abc",
        "anthropic/x",
        "ollama/x:8b",
        "vertexai/gemini-x",
    ] {
        assert_eq!(providers.model(name).unwrap().name(), name);
    }
    for name in [
        "",
        "x",
        "gemini-3",
        "demo/x",
        "mistral/x",
        "googleai/",
        "googleai/../x",
        "openai//x",
        "googleai/x?y",
        "vertexai/claude-x",
    ] {
        assert_eq!(providers.model(name).err(), Some(ModelError::NotConfigured), "{name}");
    }
}

#[test]
fn a_provider_without_its_key_is_not_configured() {
    let settings = ProviderSettings { gemini_api_key: Some(String::new().into()), ..Default::default() };
    let providers = Providers::new(settings).unwrap();
    for name in ["googleai/x", "openai/x", "anthropic/x", "vertexai/gemini-x"] {
        assert_eq!(providers.model(name).err(), Some(ModelError::NotConfigured), "{name}");
    }
    assert!(providers.model("ollama/x").is_ok(), "Ollama has no key");
}

#[test]
fn settings_show_no_key() {
    let shown = format!("{:?}", all_at("http://localhost"));
    assert!(shown.contains("REDACTED") && !shown.contains(KEY), "{shown}");
}

#[tokio::test]
async fn every_address_is_completed() {
    for (base, path) in [
        ("", "/v1beta/models/x:generateContent"),
        ("/", "/v1beta/models/x:generateContent"),
        ("/v1beta", "/v1beta/models/x:generateContent"),
        ("/proxy/v1/", "/proxy/v1/models/x:generateContent"),
    ] {
        let fake = FakeGemini::start().await;
        let base = format!("{}{base}", fake.origin());
        let model = Providers::new(all_at(&base)).unwrap().model("googleai/x").unwrap();
        model.generate(&says("Hello.")).await.unwrap();
        assert_eq!(&*fake.request(0).path, path);
    }
}

#[tokio::test]
async fn the_schema_and_the_whole_name_go_to_every_provider() {
    let fake = FakeGemini::start().await;
    let providers = Providers::new(all_at(&fake.origin())).unwrap();
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    let request = ModelRequest {
        output_schema: Some(CompiledSchema::compile("a name", schema.clone()).unwrap()),
        tools: vec![Arc::new(ToolDefinition {
            name: "look".into(),
            description: "Looks.".into(),
            input_schema: CompiledSchema::compile("look", schema).unwrap(),
        })],
        ..says("Hello.")
    };
    for name in ["openai/some-high", "anthropic/claude-opus-4-6", "ollama/llama:8b"] {
        let error = providers.model(name).unwrap().generate(&request).await.unwrap_err();
        let detail = "HTTP 404: no such model or address".into();
        assert_eq!(error, ModelError::Rejected { what: Rejection::Model, detail }, "{name}");
    }
    let sent: Vec<_> = fake.requests().into_iter().map(|it| json!([*it.path, *it.body])).collect();
    assert_json_snapshot!(sent);
    assert_eq!(fake.request(0).header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(fake.request(1).header("x-api-key"), Some(KEY));
    assert_eq!(fake.request(2).header("authorization"), None);
}

#[tokio::test]
async fn each_provider_is_sent_its_own_settings_alone() {
    let fake = FakeGemini::start().await;
    let providers = Providers::new(all_at(&fake.origin())).unwrap();
    let safety =
        SafetySetting { category: HarmCategory::Harassment, threshold: HarmThreshold::BlockOnlyHigh };
    let openai = OpenAiOptions {
        verbosity: Some(Verbosity::Low),
        parallel_tool_calls: Some(false),
        ..Default::default()
    };
    let anthropic = AnthropicOptions { service_tier: Some("standard_only".into()), ..Default::default() };
    let config = ModelConfig { temperature: Some(0.5), ..Default::default() }
        .options(GeminiOptions { safety_settings: vec![safety], ..Default::default() })
        .options(openai)
        .options(anthropic);
    let request = ModelRequest { config, ..says("Hello.") };
    providers.model("googleai/gemini-3-flash").unwrap().generate(&request).await.unwrap();
    for name in ["openai/x", "anthropic/x"] {
        providers.model(name).unwrap().generate(&request).await.unwrap_err();
    }
    let sent = |nth: usize, member: &str| fake.request(nth).body.get(member).cloned();
    let harassment = json!([{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}]);
    assert_eq!(sent(0, "safetySettings"), Some(harassment));
    assert_eq!(sent(0, "generationConfig"), Some(json!({"temperature": 0.5})));
    assert_eq!((sent(0, "verbosity"), sent(1, "verbosity")), (None, Some("low".into())));
    assert_eq!(sent(1, "parallel_tool_calls"), None, "there is no tool");
    assert_eq!((sent(1, "service_tier"), sent(2, "service_tier")), (None, Some("standard_only".into())));
}

#[test]
fn what_a_prompt_file_sets_for_one_wire_is_checked_at_the_start() {
    let built = |config: &str| {
        let file = format!("---\nconfig:\n  temperature: 1\n  extra:\n    {config}\n---\nHello.");
        let prompts = Prompts::new([("greet.prompt", file.as_str())]).unwrap();
        let model = Providers::new(all_at("http://localhost")).unwrap().model("openai/x").unwrap();
        let runtime = Runtime::builder().default_model(model).prompts(prompts.into()).build();
        runtime.err().map(|it| it.to_string()).unwrap_or_default()
    };
    assert_eq!(built("openai: {verbosity: low, min_p: 0.1}"), "");
    let error = built("openai: {verbosity: lots}");
    assert!(
        error.contains("greet.prompt:4: config: ") && error.contains("unknown variant `lots`"),
        "{error}"
    );
    assert!(built("opnai: {}").contains("extra.opnai: must be gemini, openai or anthropic"));
}

#[tokio::test]
async fn media_a_provider_would_not_see_are_refused() {
    let providers = Providers::new(all_at("http://127.0.0.1:9")).unwrap();
    let with = |part| ModelRequest {
        messages: vec![Message::new(Role::User, vec![part])].into(),
        ..Default::default()
    };
    let cases = [
        ("anthropic/x", Part::media("https://example.com/a.mp3", None)),
        ("openai/x", Part::media("https://example.com/a.pdf", None)),
        ("googleai/x", Part::media("data:image/png,plain", None)),
        ("googleai/x", Part::media("data:image/png;base64", None)),
    ];
    for (name, part) in cases {
        let error = providers.model(name).unwrap().generate(&with(part)).await.unwrap_err();
        assert!(matches!(error, ModelError::Rejected { .. }), "{name}: {error:?}");
    }
}

/// Answers one request with an event stream in the format of `OpenAI`.
async fn openai_stream(frames: Vec<Value>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let read = socket.read(&mut [0; 4096]).await.unwrap();
        assert!(read > 0);
        let frames = frames.iter().map(Value::to_string).chain(["[DONE]".to_owned()]);
        let body = frames.fold(String::new(), |body, it| body + "data: " + &it + "\n\n");
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    });
    format!("http://{address}/v1")
}

#[tokio::test]
async fn calls_that_arrive_in_fragments_are_put_together() {
    let delta = |delta: Value| json!({"choices": [{"index": 0, "delta": delta}]});
    let piece = |text: &str| delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}));
    let begin =
        json!({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "look", "arguments": ""}}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    let url = openai_stream(vec![delta(begin), piece("{\"name\": "), piece("\"Luna\"}"), end]).await;
    let settings = ProviderSettings { openai_base_url: Some(url), ..Default::default() };
    let model = Providers::new(settings).unwrap().model("openai/local").unwrap();
    let (deltas, outcome) = streamed(&*model, &says("Look.")).await;
    assert!(deltas.is_empty());
    let response = outcome.unwrap();
    let calls: Vec<_> = response.tool_requests().map(|it| (&*it.name, it.input.clone())).collect();
    assert_eq!(calls, [("look", json!({"name": "Luna"}))]);
}
