//! Converts requests to genai's types, and genai's answers to ours.

use std::borrow::Cow;

use flow_runtime::message::{Media, Message, Part, Role, ToolRequest};
use flow_runtime::model::{FinishReason, ModelConfig, ModelRequest, ModelResponse, ToolDefinition, Usage};
use flow_runtime::{CompiledSchema, ModelError};
use genai::ModelIden;
use genai::adapter::AdapterKind;
use genai::chat::{
    Binary, ChatMessage, ChatOptions, ChatRequest, ContentPart, JsonSpec, MessageContent, StopReason,
    ToolCall, ToolResponse as GenaiToolResponse,
};
use serde_json::{Map, Value, json};

use crate::genai_workarounds::distinct_references;

/// The annotation of a call that holds the signatures of the model's reasoning, which it must get back (Gemini's
/// thought signatures).
const SIGNATURES: &str = "thoughtSignatures";

/// The request in a form that the model accepts.
///
/// Gemini before version 3 refuses tools and a response schema in one request. There a system message asks for the
/// schema; the answer is validated against it in any case.
pub(crate) fn adapted<'a>(model: &ModelIden, asked: &'a ModelRequest) -> Cow<'a, ModelRequest> {
    let old = ["gemini-1", "gemini-2"].iter().any(|it| model.model_name.starts_with(it));
    let gemini = matches!(model.adapter_kind, AdapterKind::Gemini | AdapterKind::Vertex);
    let Some(schema) = &asked.output_schema else { return Cow::Borrowed(asked) };
    if asked.tools.is_empty() || !(gemini && old) {
        return Cow::Borrowed(asked);
    }
    let words = format!(
        "Answer with JSON alone, without a fence around it. The JSON must satisfy this JSON Schema:\n{}",
        without_dialect(schema.value())
    );
    let mut asked = ModelRequest { output_schema: None, ..asked.clone() };
    asked.messages.insert(0, Message::text(Role::System, words));
    Cow::Owned(asked)
}

/// The conversation and the tools.
pub(crate) fn request(kind: AdapterKind, asked: &ModelRequest) -> Result<ChatRequest, ModelError> {
    let mut messages = Vec::with_capacity(asked.messages.len());
    for message in &asked.messages {
        let parts = message.content.iter().filter_map(|part| content_part(kind, part).transpose());
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        // A message of pending parts only is empty for a provider, and providers refuse empty messages.
        if parts.is_empty() {
            continue;
        }
        let content = MessageContent::from_parts(parts);
        messages.push(match message.role {
            Role::System => ChatMessage::system(content),
            Role::User => ChatMessage::user(content),
            Role::Model => ChatMessage::assistant(content),
            Role::Tool => ChatMessage::tool(content),
        });
    }
    let chat = ChatRequest::new(messages);
    Ok(if asked.tools.is_empty() { chat } else { chat.with_tools(asked.tools.iter().map(|it| tool(it))) })
}

/// Adds the settings and the schema to the options that the workarounds need.
pub(crate) fn options(
    mut options: ChatOptions,
    config: &ModelConfig,
    schema: Option<&CompiledSchema>,
) -> ChatOptions {
    options.temperature = config.temperature;
    options.top_p = config.top_p;
    options.max_tokens = config.max_output_tokens;
    options.stop_sequences.clone_from(&config.stop_sequences);
    match schema {
        Some(schema) => {
            let (name, schema) = (schema_name(schema.name()), without_dialect(schema.value()));
            options.with_response_format(JsonSpec::new(name, schema))
        }
        None => options,
    }
}

/// A whole answer; `parts` come from either kind of call.
pub(crate) fn response(
    parts: impl IntoIterator<Item = ContentPart>,
    stop: Option<&StopReason>,
    usage: &genai::chat::Usage,
) -> Result<ModelResponse, ModelError> {
    let finish_reason = finish_reason(stop)?;
    let tokens = |count: Option<i32>| count.and_then(|it| u64::try_from(it).ok()).unwrap_or(0);
    let mut content = Vec::new();
    let mut signature = None;
    for part in parts {
        match part {
            ContentPart::Text(text) if !text.is_empty() => content.push(Part::text(text)),
            ContentPart::ToolCall(call) => {
                let signatures =
                    call.thought_signatures.clone().unwrap_or_else(|| signature.take().into_iter().collect());
                signature = None;
                content.push(tool_request(call, signatures));
            }
            // A signature stands before its call, which usually repeats it.
            ContentPart::ThoughtSignature(found) => signature = Some(found),
            _ => {}
        }
    }
    distinct_references(&mut content);
    Ok(ModelResponse {
        message: Message::new(Role::Model, content),
        finish_reason,
        usage: Usage {
            input_tokens: tokens(usage.prompt_tokens),
            output_tokens: tokens(usage.completion_tokens),
        },
    })
}

fn tool_request(call: ToolCall, signatures: Vec<String>) -> Part {
    let mut metadata = Map::new();
    if !signatures.is_empty() {
        metadata.insert(SIGNATURES.into(), json!(signatures));
    }
    let ToolCall { fn_name: name, call_id, fn_arguments: input, .. } = call;
    Part::ToolRequest { tool_request: ToolRequest { name, reference: Some(call_id), input }, metadata }
}

fn finish_reason(stop: Option<&StopReason>) -> Result<FinishReason, ModelError> {
    match stop {
        Some(StopReason::ContentFilter(reason)) => Err(ModelError::refused(reason)),
        Some(StopReason::MaxTokens(_)) => Ok(FinishReason::Length),
        Some(StopReason::Completed(_) | StopReason::ToolCall(_) | StopReason::StopSequence(_)) => {
            Ok(FinishReason::Stop)
        }
        Some(StopReason::Other(_)) | None => Ok(FinishReason::Other),
    }
}

fn content_part(kind: AdapterKind, part: &Part) -> Result<Option<ContentPart>, ModelError> {
    Ok(match part {
        Part::Text { text, .. } => Some(ContentPart::Text(text.clone())),
        Part::Media { media } => Some(ContentPart::Binary(binary(kind, media)?)),
        Part::ToolRequest { tool_request: call, metadata } => Some(ContentPart::ToolCall(ToolCall {
            call_id: call.reference.clone().unwrap_or_default(),
            fn_name: call.name.clone(),
            fn_arguments: call.input.clone(),
            thought_signatures: metadata
                .get(SIGNATURES)
                .and_then(|it| serde_json::from_value(it.clone()).ok()),
        })),
        Part::ToolResponse { tool_response: answer } => {
            let text = match &answer.output {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let reference = answer.reference.clone().unwrap_or_default();
            Some(ContentPart::ToolResponse(
                GenaiToolResponse::new(reference, text).with_fn_name(&answer.name),
            ))
        }
        Part::Pending { .. } => None,
    })
}

/// Data is sent inline and an address as it is, because the server must not fetch what a caller names.
fn binary(kind: AdapterKind, media: &Media) -> Result<Binary, ModelError> {
    if let Some(data) = media.url.strip_prefix("data:") {
        let (head, body) = data.split_once(',').ok_or(ModelError::rejected("a data URI without data"))?;
        let declared =
            head.strip_suffix(";base64").ok_or(ModelError::rejected("a data URI that is not base64"))?;
        let declared = declared.split(';').next().filter(|it| !it.is_empty());
        let content_type = media.content_type.as_deref().or(declared).unwrap_or("application/octet-stream");
        return Ok(Binary::from_base64(content_type, body, None));
    }
    let content_type = media.content_type.as_deref().unwrap_or_else(|| content_type_of(&media.url));
    let is_image = content_type.starts_with("image/");
    // genai drops media that these providers do not take, and the model would answer without them.
    if (kind == AdapterKind::Anthropic && is_image) || (kind == AdapterKind::OpenAI && !is_image) {
        return Err(ModelError::rejected("this provider takes such media only as a data URI"));
    }
    Ok(Binary::from_url(content_type, &media.url, None))
}

/// The type by the ending of the path. Gemini demands a type with every address, though it reads the bytes.
fn content_type_of(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("gif") => "image/gif",
        Some("heic") => "image/heic",
        Some("heif") => "image/heif",
        Some("pdf") => "application/pdf",
        Some("mp3") => "audio/mp3",
        Some("wav") => "audio/wav",
        Some("mp4") => "video/mp4",
        _ => "image/jpeg",
    }
}

fn tool(definition: &ToolDefinition) -> genai::chat::Tool {
    genai::chat::Tool::new(definition.name.as_str())
        .with_description(&definition.description)
        .with_schema(without_dialect(&definition.input_schema))
}

/// The schema without `$schema`, which providers refuse.
fn without_dialect(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(members) = &mut schema {
        members.shift_remove("$schema");
    }
    schema
}

/// `OpenAI` allows 64 letters, digits, `_` and `-`.
fn schema_name(name: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() || it == '_' || it == '-' { it } else { '_' };
    name.chars().take(64).map(plain).collect()
}
