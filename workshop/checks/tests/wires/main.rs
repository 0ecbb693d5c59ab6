//! Every flow on every wire, over REST and gRPC: the model's server refuses what the real one refuses. The rules stand
//! with their sources in the files beside this one; those of Gemini in `tests/fake-gemini/src/validate.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test, which tells what it saw"
)]

mod anthropic;
mod openai;
mod refusals;
mod server;

use std::collections::BTreeSet;

use adapter_grpc::proto::genkit_service_client::GenkitServiceClient;
use adapter_grpc::proto::*;
use checks::Combination;
use fake_gemini::{FakeGemini, Matcher, Reply, Request};
use harness::Process;
use reqwest::Client;
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::server::Server;

const IMAGE: &str = "https://example.com/dice.png";
const DATA: &str = "data:image/png;base64,iVBORw0KGgo=";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gemini_takes_whatever_the_flows_ask() {
    let fake = FakeGemini::start().await;
    // Version 2.5 refuses a schema beside tools, so words ask for it, which the fake does not read.
    let translation = json!({
        "original_text": "x", "translated_text": "Bonjour", "target_language": "x", "confidence": "high",
    });
    let in_words = |it: &Request| it.model().starts_with("gemini-2.5") && !it.tool_results().is_empty();
    fake.on(Matcher::when(in_words), Reply::json(&translation));
    for model in ["googleai/gemini-3-flash", "googleai/gemini-2.5-flash", "vertexai/gemini-3-pro"] {
        for settings in all_settings() {
            let program = start(model, &fake.origin(), &settings);
            let before = fake.stats().received;
            all_flows(&program, model).await;
            // A refusal would be an error of the flow: nothing is learnt from one on this wire.
            println!("{model}: {} calls with {settings}", fake.stats().received - before);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openai_takes_whatever_the_flows_ask() {
    for model in ["openai/gpt-5-mini", "openai/gpt-4.1", "openai/next-1"] {
        at(model, &openai::OPENAI).await;
    }
    at("ollama/llama3.2", &openai::OLLAMA).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anthropic_takes_whatever_the_flows_ask() {
    for model in ["anthropic/claude-opus-4-6", "anthropic/claude-haiku-4-5"] {
        at(model, &anthropic::ANTHROPIC).await;
    }
}

/// All flows with a model at this provider. A server may refuse a setting that its model does not know, once each.
async fn at(model: &str, provider: &'static server::Provider) {
    for settings in all_settings() {
        let server = Server::start(provider).await;
        let program = start(model, &server.origin, &settings);
        all_flows(&program, model).await;
        let (asked, refused) = server.take();
        let unsupported: BTreeSet<_> = refused.iter().filter_map(|it| setting(it)).collect();
        assert_eq!(unsupported.len(), refused.len(), "{model} refused {refused:#?}");
        println!("{model}: {} calls with {settings}; refused once each: {unsupported:?}", asked.len());
    }
}

/// Settings of calls: none, those of sampling, and those of thinking.
fn all_settings() -> [Value; 3] {
    [
        json!({}),
        json!({
            "temperature": 1.5, "topP": 0.9, "topK": 40, "seed": 7, "maxOutputTokens": 9000, "stopSequences": ["XYZ"],
            "extra": {"openai": {"parallel_tool_calls": false}},
        }),
        json!({"thinking": "medium", "toolChoice": "auto"}),
    ]
}

/// The setting that a refusal is about, if it is about one that the model does not know.
fn setting(refusal: &str) -> Option<&str> {
    let about = refusal.split_once("Unsupported ")?.1;
    about.split('\'').nth(1)
}

fn start(model: &str, origin: &str, settings: &Value) -> Process {
    let settings = json!({ model: settings }).to_string();
    Combination::native("axum").start(&[
        ("MODEL", model),
        ("MODEL_CONFIG", &settings),
        ("RATE_LIMIT_DEFAULT", "1000000/second"),
        ("CACHE_ENABLED", "false"),
        ("GEMINI_API_KEY", "k"),
        ("OPENAI_API_KEY", "k"),
        ("ANTHROPIC_API_KEY", "k"),
        ("GOOGLE_CLOUD_PROJECT", "p"),
        ("VERTEX_ACCESS_TOKEN", "k"),
        ("GEMINI_BASE_URL", origin),
        ("VERTEX_BASE_URL", origin),
        ("OPENAI_BASE_URL", origin),
        ("ANTHROPIC_BASE_URL", origin),
        ("OLLAMA_BASE_URL", origin),
    ])
}

async fn all_flows(program: &Process, model: &str) {
    rest(&format!("http://{}", program.address), model).await;
    let channel = Channel::from_shared(format!("http://{}", program.grpc())).unwrap();
    rpc(GenkitServiceClient::new(channel.connect().await.unwrap())).await;
}

async fn rest(base: &str, model: &str) {
    let client = Client::builder().no_proxy().build().unwrap();
    let post = async |route: &str, input: Value| {
        let response = client.post(format!("{base}{route}")).json(&input).send().await.unwrap();
        let (status, answered_by) = (response.status(), response.headers().get("x-model").cloned());
        let body = response.text().await.unwrap();
        assert_eq!(status, 200, "{model} on {route}: {body}");
        assert_eq!(answered_by.unwrap(), model, "{route}");
        body
    };
    let whole = [
        ("/tell-joke", json!({}), "joke"),
        ("/translate", json!({"text": "Hello"}), "translated_text"),
        ("/describe-image", json!({"image_url": IMAGE}), "description"),
        ("/describe-image", json!({"image_url": DATA}), "description"),
        ("/generate-character", json!({}), "backStory"),
        ("/chat", json!({"question": "Who are you?", "session": "s"}), "answer"),
        ("/chat", json!({"question": "And I?", "session": "s"}), "answer"),
        ("/generate-code", json!({}), "filename"),
        ("/review-code", json!({"code": "x = 1"}), "summary"),
    ];
    for (route, input, member) in whole {
        let answer: Value = serde_json::from_str(&post(route, input).await).unwrap();
        assert!(answer[member].as_str().is_some_and(|it| !it.is_empty()), "{model} on {route}: {answer}");
    }
    for (route, chunk) in [
        ("/tell-joke/stream", "chunk"),
        ("/tell-story/stream", "chunk"),
        ("/generate-code/stream", "partial"),
    ] {
        let body = post(route, json!({})).await;
        let frames = body.lines().filter_map(|it| it.strip_prefix("data:"));
        let frames: Vec<Value> = frames.map(|it| serde_json::from_str(it).unwrap()).collect();
        let (last, chunks) = frames.split_last().unwrap();
        assert!(chunks.len() > 1 && chunks.iter().all(|it| it.get(chunk).is_some()), "{model}: {body}");
        assert_eq!(last["done"], true, "{model}: {body}");
    }
}

async fn rpc(mut client: GenkitServiceClient<Channel>) {
    assert!(!client.tell_joke(JokeRequest::default()).await.unwrap().into_inner().joke.is_empty());
    let request = TranslateRequest { text: "Hello".into(), ..Default::default() };
    assert!(!client.translate_text(request).await.unwrap().into_inner().translated_text.is_empty());
    for image in [IMAGE, DATA] {
        let request = ImageRequest { image_url: image.into() };
        assert!(!client.describe_image(request).await.unwrap().into_inner().description.is_empty());
    }
    assert!(
        client.generate_character(CharacterRequest::default()).await.unwrap().into_inner().skills.is_some()
    );
    for _ in 0..2 {
        let request = ChatRequest { session: "t".into(), ..Default::default() };
        assert!(!client.pirate_chat(request).await.unwrap().into_inner().answer.is_empty());
    }
    assert!(!client.generate_code(CodeRequest::default()).await.unwrap().into_inner().filename.is_empty());
    let review = client.review_code(CodeReviewRequest::default()).await.unwrap().into_inner().review;
    assert!(serde_json::from_str::<Value>(&review).unwrap()["summary"].is_string(), "{review}");

    let mut joke = client.tell_joke_stream(JokeRequest::default()).await.unwrap().into_inner();
    let mut story = client.tell_story(StoryRequest::default()).await.unwrap().into_inner();
    let mut code = client.generate_code_stream(CodeRequest::default()).await.unwrap().into_inner();
    let (mut texts, mut last) = (Vec::new(), CodeChunk::default());
    while let Some(chunk) = joke.message().await.unwrap() {
        texts.push(chunk.text);
    }
    while let Some(chunk) = story.message().await.unwrap() {
        texts.push(chunk.text);
    }
    while let Some(chunk) = code.message().await.unwrap() {
        last = chunk;
    }
    assert!(texts.len() > 2, "{texts:?}");
    assert!(!last.done.unwrap().filename.is_empty());
}
