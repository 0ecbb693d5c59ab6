//! Genkit's `generate`: the whole loop of model and tools, with names where a model's action has definitions.

use std::time::Instant;

use flow_runtime::message::{Part, Role};
use flow_runtime::model::ModelRequest;
use flow_runtime::{Generate, GenerateEvent, Runtime};
use futures_util::StreamExt as _;

use super::models;
use super::wire::{self, GenerateOptions};
use crate::action::{Action, Call, Chunks, Outcome};
use crate::error::ActionError;

pub(super) fn action(runtime: &Runtime) -> Action {
    let runtime = runtime.clone();
    Action::new("util", "generate", move |call: Call| {
        let runtime = runtime.clone();
        async move {
            let mut options: GenerateOptions = wire::read(call.input)?;
            for tool in &mut options.tools {
                if let Some(name) = tool.strip_prefix("/tool/") {
                    *tool = name.to_owned();
                }
            }
            check(&runtime, &options)?;
            if options.return_tool_requests {
                return once(&runtime, options, call.chunks.as_ref()).await;
            }
            whole(&runtime, options, call.chunks.as_ref()).await
        }
    })
    .description("Asks a model, and runs the tools that it calls.")
}

/// Names that nobody has are the caller's mistake.
fn check(runtime: &Runtime, options: &GenerateOptions) -> Result<(), ActionError> {
    if let Some(model) = options.model.as_deref().filter(|name| !runtime.models().any(|it| it == *name)) {
        return Err(ActionError::new(5, format!("model {model} not found")));
    }
    let is_known = |name: &&String| runtime.tools().any(|it| it.definition().name == **name);
    match options.tools.iter().find(|it| !is_known(it)) {
        Some(tool) => Err(ActionError::new(5, format!("tool {tool} not found"))),
        None => Ok(()),
    }
}

async fn whole(runtime: &Runtime, options: GenerateOptions, chunks: Option<&Chunks>) -> Outcome {
    let began = Instant::now();
    let mut request = Generate::new().config(options.config()?);
    if let Some(schema) = options.schema()? {
        request = request.output_schema(&schema);
    }
    if let Some(rounds) = options.max_turns {
        request = request.max_turns(rounds);
    }
    if let Some(model) = options.model {
        request = request.model(model);
    }
    let request = request.messages(options.messages).tools(options.tools);
    let Some(chunks) = chunks else {
        let answer = runtime.generate(request).await?;
        return Ok(wire::response(&answer, &answer.history, began));
    };
    let mut events = runtime.stream_all(request);
    while let Some(event) = events.next().await {
        let (role, part) = match event? {
            GenerateEvent::Text(text) => (Role::Model, Part::text(text)),
            GenerateEvent::Thought(text) => (Role::Model, wire::thought(text)),
            GenerateEvent::ToolCall(tool_request) => {
                (Role::Model, Part::ToolRequest { tool_request, metadata: serde_json::Map::new() })
            }
            GenerateEvent::ToolResult(tool_response) => (Role::Tool, Part::ToolResponse { tool_response }),
            GenerateEvent::Done(answer) => return Ok(wire::response(&answer, &answer.history, began)),
        };
        chunks.send(wire::chunk(role, part)).await?;
    }
    Err(ActionError::new(13, "the model's stream ended without an answer"))
}

/// One turn: the calls of tools are returned and not run.
async fn once(runtime: &Runtime, options: GenerateOptions, chunks: Option<&Chunks>) -> Outcome {
    let tools = runtime.tools().map(flow_runtime::Tool::definition);
    let tools = tools.filter(|it| options.tools.contains(&it.name)).cloned().collect();
    let request = ModelRequest {
        config: options.config()?,
        output_schema: options.schema()?,
        messages: options.messages.into(),
        tools,
        thoughts: chunks.is_some(),
        deadline: None,
    };
    models::ask(runtime, options.model.as_deref(), request, chunks).await
}
