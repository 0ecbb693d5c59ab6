//! Models, asked once: a `GenerateRequest` in, a `GenerateResponse` out.

use std::time::Instant;

use flow_runtime::message::{Part, Role};
use flow_runtime::model::ModelRequest;
use flow_runtime::{ModelChunk, Runtime};
use futures_util::StreamExt as _;
use serde_json::json;

use super::wire::{self, GenerateRequest};
use crate::action::{Action, Call, Chunks, Outcome};
use crate::error::ActionError;

pub(super) fn actions(runtime: &Runtime) -> Vec<Action> {
    let mut names: Vec<_> = runtime.models().collect();
    names.sort_unstable();
    names.into_iter().map(|name| action(runtime, name)).collect()
}

fn action(runtime: &Runtime, name: &str) -> Action {
    let supports = json!({
        "multiturn": true, "media": true, "tools": true, "toolChoice": true, "systemRole": true,
        "output": ["text", "json"],
    });
    let (runtime, model) = (runtime.clone(), name.to_owned());
    let run = move |call: Call| {
        let (runtime, model) = (runtime.clone(), model.clone());
        async move {
            let request: GenerateRequest = wire::read(call.input)?;
            let tools = request.tools.iter().map(wire::ToolSpec::definition).collect::<Result<_, _>>()?;
            let asked = ModelRequest {
                config: request.config()?,
                output_schema: request.schema()?,
                messages: request.messages.into(),
                tools,
                thoughts: call.chunks.is_some(),
                deadline: None,
            };
            ask(&runtime, Some(&model), asked, call.chunks.as_ref()).await
        }
    };
    Action::new("model", name, run).metadata(json!({ "model": { "label": name, "supports": supports } }))
}

/// Asks a model once, or the default one.
pub(super) async fn ask(
    runtime: &Runtime,
    model: Option<&str>,
    request: ModelRequest,
    chunks: Option<&Chunks>,
) -> Outcome {
    let (began, asked) = (Instant::now(), request.messages.clone());
    let Some(chunks) = chunks else {
        let answer = runtime.ask(model, request).await?;
        return Ok(wire::response(&answer, &asked, began));
    };
    let mut pieces = runtime.ask_stream(model, request);
    while let Some(piece) = pieces.next().await {
        let part = match piece? {
            ModelChunk::Text(text) => Part::text(text),
            ModelChunk::Thought(text) => wire::thought(text),
            ModelChunk::Done(answer) => return Ok(wire::response(&answer, &asked, began)),
        };
        chunks.send(wire::chunk(Role::Model, part)).await?;
    }
    Err(ActionError::new(13, "the model's stream ended without an answer"))
}
