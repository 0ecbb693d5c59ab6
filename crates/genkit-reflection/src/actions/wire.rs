//! Genkit's JSON for calls of models: `GenerateRequest`, `GenerateActionOptions`, `GenerateResponse` and its chunks.

use std::sync::Arc;
use std::time::Instant;

use flow_runtime::CompiledSchema;
use flow_runtime::message::{Message, Part, Role};
use flow_runtime::model::{ModelConfig, ModelResponse, ToolChoice, ToolDefinition, Usage};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::error::ActionError;

/// What a model is asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerateRequest {
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default)]
    pub(super) tools: Vec<ToolSpec>,
    tool_choice: Option<ToolChoice>,
    #[serde(default)]
    output: Output,
    #[serde(default)]
    docs: Vec<Value>,
}

/// What Genkit's `generate` is asked: models and tools by name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerateOptions {
    pub(super) model: Option<String>,
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) tools: Vec<String>,
    #[serde(default)]
    config: Map<String, Value>,
    tool_choice: Option<ToolChoice>,
    #[serde(default)]
    output: Output,
    #[serde(default)]
    pub(super) return_tool_requests: bool,
    pub(super) max_turns: Option<usize>,
    #[serde(default)]
    docs: Vec<Value>,
    #[serde(default)]
    resume: Map<String, Value>,
}

/// A tool as a request describes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolSpec {
    name: String,
    #[serde(default)]
    description: String,
    input_schema: Option<Value>,
}

/// The shape of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    schema: Option<Value>,
    json_schema: Option<Value>,
}

impl GenerateRequest {
    pub(super) fn config(&self) -> Result<ModelConfig, ActionError> {
        no_documents(&self.docs)?;
        config(&self.config, self.tool_choice.as_ref())
    }

    pub(super) fn schema(&self) -> Result<Option<CompiledSchema>, ActionError> {
        self.output.schema()
    }
}

impl GenerateOptions {
    pub(super) fn config(&self) -> Result<ModelConfig, ActionError> {
        no_documents(&self.docs)?;
        if !self.resume.is_empty() {
            return Err(ActionError::unimplemented("interrupted calls cannot be resumed here"));
        }
        config(&self.config, self.tool_choice.as_ref())
    }

    pub(super) fn schema(&self) -> Result<Option<CompiledSchema>, ActionError> {
        self.output.schema()
    }
}

impl ToolSpec {
    pub(super) fn definition(&self) -> Result<Arc<ToolDefinition>, ActionError> {
        let schema = self.input_schema.clone().unwrap_or_else(|| json!({"type": "object"}));
        Ok(Arc::new(ToolDefinition {
            name: self.name.clone(),
            description: self.description.clone(),
            input_schema: compiled(&self.name, schema)?,
        }))
    }
}

impl Output {
    fn schema(&self) -> Result<Option<CompiledSchema>, ActionError> {
        let schema = self.json_schema.as_ref().or(self.schema.as_ref());
        schema.map(|it| compiled("answer", it.clone())).transpose()
    }
}

/// Reads an input. Members that are null are taken as absent: some tools send them so.
pub(super) fn read<T: DeserializeOwned>(input: Value) -> Result<T, ActionError> {
    let Value::Object(mut members) = input else {
        return Err(ActionError::invalid("the input is not an object"));
    };
    members.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(members))
        .map_err(|error| ActionError::invalid(format!("the input cannot be read: {error}")))
}

/// An answer as `GenerateResponse`.
pub(super) fn response(answer: &ModelResponse, asked: &[Message], began: Instant) -> Value {
    json!({
        "message": answer.message,
        "finishReason": answer.finish_reason.as_str(),
        "usage": usage(answer.usage),
        "latencyMs": began.elapsed().as_secs_f64() * 1000.0,
        "request": { "messages": asked },
    })
}

/// A piece of an answer as `GenerateResponseChunk`.
pub(super) fn chunk(role: Role, content: Part) -> Value {
    json!({ "role": role, "index": 0, "content": [content] })
}

/// Thoughts, as a piece of an answer.
pub(super) fn thought(text: String) -> Part {
    Part::Reasoning { reasoning: text, metadata: Map::new() }
}

fn usage(usage: Usage) -> Value {
    let mut tokens = json!({
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
    });
    // What a provider does not tell is not zero.
    for (name, count) in
        [("thoughtsTokens", usage.thinking_tokens), ("cachedContentTokens", usage.cached_tokens)]
    {
        if count > 0 {
            tokens[name] = count.into();
        }
    }
    tokens
}

fn config(members: &Map<String, Value>, choice: Option<&ToolChoice>) -> Result<ModelConfig, ActionError> {
    let members: Map<_, _> =
        members.iter().filter(|(_, it)| !it.is_null()).map(|(name, it)| (name.clone(), it.clone())).collect();
    let config = ModelConfig::deserialize(Value::Object(members));
    let mut config = config.map_err(|error| ActionError::invalid(format!("config: {error}")))?;
    config.tool_choice = choice.cloned().or(config.tool_choice);
    Ok(config)
}

fn compiled(name: &str, schema: Value) -> Result<CompiledSchema, ActionError> {
    CompiledSchema::compile(name, schema).map_err(|error| ActionError::invalid(error.to_string()))
}

fn no_documents(docs: &[Value]) -> Result<(), ActionError> {
    if docs.is_empty() { Ok(()) } else { Err(ActionError::unimplemented("documents are not taken here")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_the_tools_send_it() {
        let request: GenerateRequest = read(json!({
            "messages": [{"role": "user", "content": [{"text": "hi"}]}],
            "config": {"temperature": 0.5, "topK": null},
            "tools": null,
            "toolChoice": "required",
            "output": {"format": "json", "schema": {"type": "object"}},
        }))
        .unwrap();
        let config = request.config().unwrap();
        assert_eq!(config.temperature, Some(0.5));
        assert_eq!(config.tool_choice, Some(ToolChoice::Required));
        assert_eq!(**request.schema().unwrap().unwrap().value(), json!({"type": "object"}));
    }

    #[test]
    fn what_is_not_taken_is_refused_and_not_left_out() {
        let request = |more: Value| {
            let mut input = json!({"messages": []});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read::<GenerateOptions>(input).unwrap().config().unwrap_err().code
        };
        assert_eq!(request(json!({"docs": [{}]})), 12);
        assert_eq!(request(json!({"resume": {"respond": []}})), 12);
        assert_eq!(request(json!({"config": {"apiKey": "x"}})), 3);
        assert_eq!(read::<GenerateOptions>(json!([])).unwrap_err().code, 3);
    }
}
