//! The fake, as clients see it: every test goes through a real socket.

#![allow(clippy::unwrap_used, reason = "in the helpers of tests, as in tests")]

mod drops;
mod faults;
mod natural;
mod wire;

use std::time::Duration;

use fake_gemini::FakeGemini;
use serde_json::{Value, json};

/// Long enough for a busy machine; nothing here waits for it unless it fails.
const SOON: Duration = Duration::from_secs(10);

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn prompt(text: &str) -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }] })
}

/// `method` is what follows the model's name, such as `streamGenerateContent?alt=sse`.
async fn post_to(fake: &FakeGemini, model: &str, method: &str, body: &Value) -> reqwest::Response {
    client().post(format!("{}models/{model}:{method}", fake.url())).json(body).send().await.unwrap()
}

async fn post(fake: &FakeGemini, method: &str, body: &Value) -> reqwest::Response {
    post_to(fake, "gemini-2.5-flash", method, body).await
}

async fn unary(fake: &FakeGemini, text: &str) -> Value {
    let response = post(fake, "generateContent", &prompt(text)).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

async fn streamed(fake: &FakeGemini, text: &str) -> reqwest::Response {
    post(fake, "streamGenerateContent?alt=sse", &prompt(text)).await
}

fn frames(body: &str) -> Vec<Value> {
    let frames = body.split_terminator("\r\n\r\n").map(|frame| frame.strip_prefix("data: ").unwrap());
    frames.map(|frame| serde_json::from_str(frame).unwrap()).collect()
}

fn text(response: &Value) -> String {
    let parts = response["candidates"][0]["content"]["parts"].as_array().unwrap();
    parts.iter().filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str()).collect()
}
