//! What OpenAI answers when it answers at once, and what its streams have in common with that.

use flow_runtime::ModelError;
use flow_runtime::model::{FinishReason, Usage};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::failure::from_body;
use crate::json::{self, nullable};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    #[serde(deserialize_with = "nullable")]
    pub(super) choices: Vec<Choice>,
    pub(super) usage: Option<UsageIn>,
    pub(super) error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    message: Option<Said>,
    delta: Option<Said>,
    pub(super) finish_reason: Option<String>,
    pub(super) error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    content: Option<Content>,
    refusal: Option<String>,
    /// The model's thoughts: `DeepSeek`'s name for them, and that of `OpenRouter` and Ollama. vLLM sends both.
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) tool_calls: Vec<ToolCall>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    /// Mistral writes parts.
    Parts(Vec<ContentPart>),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContentPart {
    text: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolCall {
    pub(super) index: Option<usize>,
    pub(super) id: Option<String>,
    pub(super) function: Option<Function>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Function {
    pub(super) name: Option<String>,
    /// A text of JSON. Some servers write the JSON itself, nothing, or blanks.
    pub(super) arguments: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct UsageIn {
    #[serde(deserialize_with = "nullable")]
    prompt_tokens: u64,
    #[serde(deserialize_with = "nullable")]
    completion_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    #[serde(deserialize_with = "nullable")]
    cached_tokens: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    #[serde(deserialize_with = "nullable")]
    reasoning_tokens: u64,
}

impl Choice {
    /// All of it, or the next piece.
    pub(super) fn said(self) -> Said {
        self.message.or(self.delta).unwrap_or_default()
    }
}

/// Reads a whole answer.
pub(super) fn read(body: &[u8]) -> Result<Answer, ModelError> {
    let body = parse(body)?;
    let mut answer = Answer::default();
    if let Some(usage) = body.usage {
        answer.usage = usage.into();
    }
    let choice = body.choices.into_iter().next().ok_or(ModelError::malformed("no choice in it"))?;
    let finish = judge(&choice)?;
    let mut said = choice.said();
    let calls = std::mem::take(&mut said.tool_calls);
    add(said, &mut answer)?;
    for call in calls {
        let function = call.function.unwrap_or_default();
        let arguments = read_arguments(function.arguments)?;
        answer.call(function.name.unwrap_or_default(), call.id, arguments, Map::new())?;
    }
    answer.finish = finish;
    Ok(answer)
}

/// Parses an answer or an event of a stream, unless it holds an error.
pub(super) fn parse(body: &[u8]) -> Result<Body, ModelError> {
    let body: Body = json::read(body).map_err(|_| ModelError::upstream("the answer is not JSON"))?;
    match &body.error {
        Some(error) => Err(from_body(error)),
        None => Ok(body),
    }
}

/// Why a choice ended, if it has. An error in it is an error, whatever text came with it.
pub(super) fn judge(choice: &Choice) -> Result<Option<FinishReason>, ModelError> {
    if let Some(error) = &choice.error {
        return Err(from_body(error));
    }
    Ok(match choice.finish_reason.as_deref() {
        None | Some("") => None,
        Some("stop" | "tool_calls" | "function_call" | "eos" | "end_turn") => Some(FinishReason::Stop),
        Some("length" | "max_tokens") => Some(FinishReason::Length),
        Some("content_filter") => return Err(ModelError::refused("content_filter")),
        Some("error") => return Err(ModelError::upstream("it broke off")),
        Some(_) => Some(FinishReason::Other),
    })
}

/// Adds what is said, but for the calls.
pub(super) fn add(said: Said, answer: &mut Answer) -> Result<(), ModelError> {
    if said.refusal.is_some_and(|it| !it.is_empty()) {
        return Err(ModelError::refused("refusal"));
    }
    if let Some(thoughts) = said.reasoning_content.or(said.reasoning) {
        answer.reasoning(&thoughts)?;
    }
    match said.content {
        None => {}
        Some(Content::Text(text)) => answer.text(&text)?,
        Some(Content::Parts(parts)) => {
            for text in parts.into_iter().filter_map(|it| it.text) {
                answer.text(&text)?;
            }
        }
    }
    Ok(())
}

/// The arguments of a call. A call without any comes in many spellings.
pub(super) fn read_arguments(arguments: Option<Value>) -> Result<Value, ModelError> {
    match arguments {
        None | Some(Value::Null) => Ok(json!({})),
        Some(Value::String(text)) if text.trim().is_empty() || text.trim() == "null" => Ok(json!({})),
        Some(Value::String(text)) => {
            json::read(text.as_bytes()).map_err(|_| ModelError::malformed("a malformed call of a tool"))
        }
        Some(arguments) => Ok(arguments),
    }
}

impl From<UsageIn> for Usage {
    fn from(usage: UsageIn) -> Self {
        Self {
            input_tokens: usage.prompt_tokens,
            output_tokens: usage.completion_tokens,
            thinking_tokens: usage.completion_tokens_details.map_or(0, |it| it.reasoning_tokens),
            cached_tokens: usage.prompt_tokens_details.map_or(0, |it| it.cached_tokens),
        }
    }
}
