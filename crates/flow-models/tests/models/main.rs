//! The models from outside: against a fake Gemini on loopback, and offline.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod demo;
mod fault_schedule;
mod gemini_faults;
mod gemini_leaks;
mod gemini_wire;
mod providers;

use std::sync::Arc;
use std::time::Duration;

use fake_gemini::FakeGemini;
use flow_models::{ProviderSettings, Providers};
use flow_runtime::message::{Message, Role};
use flow_runtime::model::ModelRequest;
use flow_runtime::{Model, ModelChunk, ModelError, ModelResponse};
use futures_util::StreamExt as _;

/// A key that must never be seen again.
const KEY: &str = "AIzaSECRETKEY-never-show";

/// Long enough for a loaded machine.
const SOON: Duration = Duration::from_secs(10);

/// Settings that lead to the fake.
fn settings(fake: &FakeGemini) -> ProviderSettings {
    ProviderSettings {
        gemini_api_key: Some(KEY.into()),
        gemini_base_url: Some(fake.url()),
        ..Default::default()
    }
}

/// A Gemini 3 at the fake, by these settings.
fn gemini(settings: ProviderSettings) -> Arc<dyn Model> {
    Providers::new(settings).unwrap().model("googleai/gemini-3-flash").unwrap()
}

/// A request of one sentence by the user.
fn says(text: &str) -> ModelRequest {
    ModelRequest { messages: vec![Message::text(Role::User, text)].into(), ..Default::default() }
}

/// Streams to the end: the deltas, and the answer or the error.
async fn streamed(
    model: &dyn Model,
    request: &ModelRequest,
) -> (Vec<String>, Result<ModelResponse, ModelError>) {
    let mut deltas = Vec::new();
    let mut stream = match model.stream(request).await {
        Ok(stream) => stream,
        Err(error) => return (deltas, Err(error)),
    };
    let outcome = loop {
        match stream.next().await {
            Some(Ok(ModelChunk::Text(text))) => deltas.push(text),
            Some(Ok(ModelChunk::Done(response))) => break Ok(response),
            Some(Ok(ModelChunk::Thought(text))) => panic!("a thought that nobody asked for: {text}"),
            Some(Err(error)) => break Err(error),
            None => panic!("the stream ended without an answer or an error"),
        }
    };
    assert!(stream.next().await.is_none(), "something came after the end");
    (deltas, outcome)
}
