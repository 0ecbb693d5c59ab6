//! Prompt files: `prompt` shows what a model would be asked, `executable-prompt` what Genkit's `generate` is to run.

use std::sync::Arc;

use flow_runtime::message::Message;
use flow_runtime::{PromptMetadata, Runtime};
use serde_json::{Map, Value, json};

use crate::action::{Action, Call};
use crate::error::ActionError;

pub(super) fn actions(runtime: &Runtime) -> Vec<Action> {
    let all = runtime.prompts().list();
    all.into_iter().flat_map(|(name, file)| both(runtime, &name, Arc::new(file))).collect()
}

fn both(runtime: &Runtime, name: &str, file: Arc<PromptMetadata>) -> [Action; 2] {
    [("prompt", request as Form), ("executable-prompt", options)].map(|(kind, form)| {
        let (runtime, prompt, metadata) = (runtime.clone(), name.to_owned(), file.clone());
        let run = move |call: Call| {
            let outcome = render(&runtime, &prompt, call.input);
            let outcome = outcome.map(|messages| form(&runtime, &metadata, &messages));
            std::future::ready(outcome)
        };
        let schema = file.input.as_ref().and_then(|it| it.schema.clone());
        Action::new(kind, name, run)
            .description(file.description.as_deref().unwrap_or_default())
            .input(schema.unwrap_or_default())
            .metadata(json!({ "type": "prompt", "prompt": about(name, &file) }))
    })
}

type Form = fn(&Runtime, &PromptMetadata, &[Message]) -> Value;

fn render(runtime: &Runtime, name: &str, input: Value) -> Result<Vec<Message>, ActionError> {
    let input = if input.is_null() { Value::Object(Map::new()) } else { input };
    if !input.is_object() {
        return Err(ActionError::invalid("the input of a prompt is an object"));
    }
    // What is wrong with a developer's own prompt is for the developer to read.
    let call = runtime.prompt(name, &input).map_err(|error| ActionError::invalid(error.to_string()))?;
    Ok(call.messages().to_vec())
}

/// Genkit's `GenerateRequest`.
fn request(runtime: &Runtime, file: &PromptMetadata, messages: &[Message]) -> Value {
    let tools = runtime.tools().map(flow_runtime::Tool::definition);
    let tools = tools.filter(|it| file.tools.contains(&it.name)).map(|it| {
        json!({ "name": it.name, "description": it.description, "inputSchema": **it.input_schema.value() })
    });
    let mut request = json!({ "messages": messages, "tools": tools.collect::<Vec<_>>() });
    if !file.config.is_empty() {
        request["config"] = file.config.clone().into();
    }
    if let Some(schema) = file.output.as_ref().and_then(|it| it.schema.as_ref()) {
        request["output"] = json!({ "format": "json", "schema": schema });
    }
    request
}

/// Genkit's `GenerateActionOptions`.
fn options(_: &Runtime, file: &PromptMetadata, messages: &[Message]) -> Value {
    let mut options = json!({ "messages": messages });
    if let Some(model) = &file.model {
        options["model"] = model.as_str().into();
    }
    if !file.config.is_empty() {
        options["config"] = file.config.clone().into();
    }
    if !file.tools.is_empty() {
        options["tools"] = file.tools.clone().into();
    }
    if let Some(schema) = file.output.as_ref().and_then(|it| it.schema.as_ref()) {
        options["output"] = json!({ "format": "json", "jsonSchema": schema });
    }
    options
}

fn about(name: &str, file: &PromptMetadata) -> Value {
    let (base, variant) = name.split_once('.').map_or((name, None), |(base, it)| (base, Some(it)));
    let mut about = Map::new();
    about.insert("name".to_owned(), base.into());
    let known = [
        ("variant", variant.map(Value::from)),
        ("model", file.model.clone().map(Value::from)),
        ("config", Some(file.config.clone().into()).filter(|_| !file.config.is_empty())),
        ("tools", Some(file.tools.clone().into()).filter(|_| !file.tools.is_empty())),
        ("input", file.input.as_ref().and_then(|it| Some(json!({ "schema": it.schema.as_ref()? })))),
    ];
    about.extend(known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    about.into()
}
