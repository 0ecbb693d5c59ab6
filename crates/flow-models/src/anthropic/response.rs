//! What Claude answers when it answers at once, and what its streams have in common with that.

use flow_runtime::ModelError;
use flow_runtime::model::{FinishReason, Usage};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::failure::from_body;
use crate::json::{self, nullable};

/// Where a thought's signature is kept, and a thought that Anthropic has made unreadable.
pub(super) const SIGNATURE: &str = "anthropicSignature";
pub(super) const REDACTED: &str = "anthropicRedacted";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    content: Option<Vec<Block>>,
    stop_reason: Option<String>,
    usage: Option<UsageIn>,
    error: Option<Value>,
}

/// A piece of an answer. Which members it has, depends on its type.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Block {
    pub(super) r#type: String,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    #[serde(deserialize_with = "nullable")]
    name: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) input: Value,
}

impl Block {
    /// Adds to what is thought.
    pub(super) fn think(&mut self, text: &str) {
        self.thinking.get_or_insert_default().push_str(text);
    }
}

#[derive(Default, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the wire's names")]
#[serde(default)]
pub(super) struct UsageIn {
    input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl UsageIn {
    /// Takes the counts that are told. A stream tells some of them at its beginning, and others at its end.
    pub(super) fn add_to(&self, usage: &mut Usage) {
        let cached = self.cache_read_input_tokens.unwrap_or(0);
        if let Some(tokens) = self.input_tokens {
            // Anthropic counts the others apart.
            usage.input_tokens = tokens + cached + self.cache_creation_input_tokens.unwrap_or(0);
            usage.cached_tokens = cached;
        }
        usage.output_tokens = self.output_tokens.unwrap_or(usage.output_tokens);
    }
}

/// Reads a whole answer.
pub(super) fn read(body: &[u8]) -> Result<Answer, ModelError> {
    let body: Body = json::read(body).map_err(|_| ModelError::upstream("the answer is not JSON"))?;
    if let Some(error) = &body.error {
        return Err(error_of(error));
    }
    let mut answer = Answer::default();
    if let Some(usage) = body.usage {
        usage.add_to(&mut answer.usage);
    }
    answer.finish = body.stop_reason.as_deref().map(finish).transpose()?;
    for block in body.content.ok_or(ModelError::malformed("no content in it"))? {
        add(block, &mut answer)?;
    }
    Ok(answer)
}

/// Adds a whole piece.
pub(super) fn add(block: Block, answer: &mut Answer) -> Result<(), ModelError> {
    let Block { text, thinking, signature, data, id, name, input, .. } = block;
    let kept = |name: &str, value: String| Map::from_iter([(name.to_owned(), json!(value))]);
    match block.r#type.as_str() {
        "text" => answer.text(&text.unwrap_or_default()),
        "thinking" => match signature.filter(|it| !it.is_empty()) {
            Some(signature) => {
                answer.signed_reasoning(&thinking.unwrap_or_default(), kept(SIGNATURE, signature))
            }
            None => answer.reasoning(&thinking.unwrap_or_default()),
        },
        "redacted_thinking" => answer.signed_reasoning("", kept(REDACTED, data.unwrap_or_default())),
        "tool_use" => {
            let input = if input.is_null() { json!({}) } else { input };
            answer.call(name, id, input, Map::new())
        }
        // What Anthropic's own tools say, and what is new.
        _ => Ok(()),
    }
}

/// Why it stopped (<https://docs.claude.com/en/api/handling-stop-reasons>).
pub(super) fn finish(reason: &str) -> Result<FinishReason, ModelError> {
    match reason {
        "end_turn" | "tool_use" | "stop_sequence" => Ok(FinishReason::Stop),
        "max_tokens" | "model_context_window_exceeded" => Ok(FinishReason::Length),
        "refusal" => Err(ModelError::refused("refusal")),
        _ => Ok(FinishReason::Other),
    }
}

/// An error in a body or a stream. It has a type and no code.
pub(super) fn error_of(error: &Value) -> ModelError {
    let status = match error["type"].as_str() {
        Some("invalid_request_error") => 400,
        Some("authentication_error") => 401,
        Some("permission_error") => 403,
        Some("not_found_error") => 404,
        Some("rate_limit_error") => 429,
        Some("overloaded_error") => 529,
        _ => 500,
    };
    from_body(&json!({ "code": status }))
}
