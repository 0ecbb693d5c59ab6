//! What Gemini answers: one object, or one for each event of a stream.

use flow_runtime::ModelError;
use flow_runtime::model::{FinishReason, Usage};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::failure::from_body;
use crate::json::{self, nullable};
use crate::stream;

/// Where a part's signature is kept: Genkit's own name for it.
pub(super) const SIGNATURE: &str = "thoughtSignature";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    #[serde(deserialize_with = "nullable")]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<UsageMetadata>,
    error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    #[serde(deserialize_with = "nullable")]
    parts: Vec<Part>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    #[serde(deserialize_with = "nullable")]
    thought: bool,
    thought_signature: Option<String>,
    function_call: Option<FunctionCall>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FunctionCall {
    id: Option<String>,
    #[serde(deserialize_with = "nullable")]
    name: String,
    args: Value,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the wire's names")]
#[serde(default, rename_all = "camelCase")]
struct UsageMetadata {
    #[serde(deserialize_with = "nullable")]
    prompt_token_count: u64,
    #[serde(deserialize_with = "nullable")]
    candidates_token_count: u64,
    #[serde(deserialize_with = "nullable")]
    thoughts_token_count: u64,
    #[serde(deserialize_with = "nullable")]
    cached_content_token_count: u64,
}

/// Reads the events of a stream. Each is an answer of its own.
#[derive(Default)]
pub(crate) struct Events {
    has_candidate: bool,
}

impl Events {
    pub(super) fn has_candidate(&self) -> bool {
        self.has_candidate
    }
}

impl stream::Events for Events {
    fn event(&mut self, data: &[u8], answer: &mut Answer) -> Result<bool, ModelError> {
        let body: Body = json::read(data).map_err(|_| ModelError::upstream("the answer is not JSON"))?;
        if let Some(error) = &body.error {
            return Err(from_body(error));
        }
        if let Some(reason) = body.prompt_feedback.and_then(|it| it.block_reason) {
            return Err(ModelError::refused(&reason));
        }
        if let Some(usage) = body.usage_metadata {
            answer.usage = Usage {
                input_tokens: usage.prompt_token_count,
                output_tokens: usage.candidates_token_count + usage.thoughts_token_count,
                thinking_tokens: usage.thoughts_token_count,
                cached_tokens: usage.cached_content_token_count,
            };
        }
        let Some(candidate) = body.candidates.into_iter().next() else { return Ok(false) };
        self.has_candidate = true;
        // What stands beside a malformed call or a withheld answer is no answer either.
        let finish = candidate.finish_reason.as_deref().map(finish).transpose()?.flatten();
        for part in candidate.content.unwrap_or_default().parts {
            add(part, answer)?;
        }
        // It may come with an early event already: only the end of the stream is the end of the answer.
        answer.finish = finish.or(answer.finish);
        Ok(false)
    }

    fn end(&mut self, answer: &mut Answer) -> Result<(), ModelError> {
        if answer.finish.is_none() {
            return Err(ModelError::upstream("the stream was cut"));
        }
        Ok(())
    }
}

fn add(part: Part, answer: &mut Answer) -> Result<(), ModelError> {
    let mut metadata = Map::new();
    if let Some(signature) = part.thought_signature {
        metadata.insert(SIGNATURE.into(), json!(signature));
    }
    if let Some(call) = part.function_call {
        // A call without arguments may be written without `args`.
        let args = if call.args.is_null() { json!({}) } else { call.args };
        return answer.call(call.name, call.id, args, metadata);
    }
    let text = part.text.unwrap_or_default();
    match (part.thought, metadata.is_empty()) {
        (true, true) => answer.reasoning(&text),
        (true, false) => answer.signed_reasoning(&text, metadata),
        (false, true) => answer.text(&text),
        (false, false) => answer.signed_text(&text, metadata),
    }
}

/// What a finish reason means (<https://ai.google.dev/api/generate-content#FinishReason>). None for the one that says
/// nothing.
fn finish(reason: &str) -> Result<Option<FinishReason>, ModelError> {
    Ok(Some(match reason {
        "" | "FINISH_REASON_UNSPECIFIED" => return Ok(None),
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" | "MALFORMED_RESPONSE" => {
            return Err(ModelError::malformed("a malformed call of a tool"));
        }
        "MISSING_THOUGHT_SIGNATURE" => {
            return Err(ModelError::rejected("a signature of its thoughts is missing"));
        }
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "LANGUAGE"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => return Err(ModelError::refused(reason)),
        _ => FinishReason::Other,
    }))
}
