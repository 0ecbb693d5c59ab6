//! What goes into a span's work and what comes out, as JSON. Spans hold it only where somebody asks for it.
//!
//! `genkit:input` and `genkit:output` have Genkit's form, `gen_ai.…` that of OpenTelemetry's conventions.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tracing::{Level, Span};

use crate::message::{Message, Part, Role};
use crate::model::{ModelRequest, ModelResponse};

/// The target that decides whether spans hold prompts, answers, and what goes into flows and tools and comes out: they do
/// where the filter of the log enables it at `TRACE`. A filter of that level must leave it out by its name.
pub const CONTENT: &str = "flow_content";

/// How many bytes of JSON one attribute holds at most.
const LONGEST: usize = 64 * 1024;

/// How many bytes of a `data:` URI are shown.
const LONGEST_URI: usize = 64;

/// Records what goes into the work of a span.
pub fn input(span: &Span, value: &(impl Serialize + ?Sized)) {
    if is_wanted(span) {
        span.record("genkit:input", bounded(value));
    }
}

/// Records what comes out of it.
pub fn output(span: &Span, value: &(impl Serialize + ?Sized)) {
    if is_wanted(span) {
        span.record("genkit:output", bounded(value));
    }
}

/// Records what a model is asked.
pub(super) fn request(span: &Span, request: &ModelRequest) {
    if !is_wanted(span) {
        return;
    }
    let tools = request.tools.iter().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "inputSchema": &**tool.input_schema.value(),
        })
    });
    let mut asked = json!({
        "messages": request.messages.iter().map(shortened).collect::<Vec<_>>(),
        "config": request.config,
        "tools": tools.collect::<Vec<_>>(),
    });
    if let Some(schema) = &request.output_schema {
        asked["output"] = json!({ "format": "json", "schema": &**schema.value() });
    }
    span.record("genkit:input", bounded(&asked));
    let messages: Vec<_> = request.messages.iter().map(|it| conventional(it, None)).collect();
    span.record("gen_ai.input.messages", bounded(&messages));
}

/// Records what it answers.
pub(super) fn response(span: &Span, response: &ModelResponse, finish_reason: &str, time: Duration) {
    if !is_wanted(span) {
        return;
    }
    let mut answer = response_json(response);
    answer["latencyMs"] = json!(time.as_secs_f64() * 1000.0);
    span.record("genkit:output", bounded(&answer));
    let message = conventional(&response.message, Some(finish_reason));
    span.record("gen_ai.output.messages", bounded(&[message]));
}

/// An answer in Genkit's form (`GenerateResponse`).
pub fn response_json(response: &ModelResponse) -> Value {
    let usage = response.usage;
    json!({
        "message": shortened(&response.message),
        "finishReason": response.finish_reason.as_str(),
        "usage": {
            "inputTokens": usage.input_tokens,
            "outputTokens": usage.output_tokens,
            "totalTokens": usage.input_tokens + usage.output_tokens,
            "thoughtsTokens": usage.thinking_tokens,
            "cachedContentTokens": usage.cached_tokens,
        },
    })
}

fn is_wanted(span: &Span) -> bool {
    !span.is_disabled() && tracing::enabled!(target: CONTENT, Level::TRACE)
}

/// Its JSON. What is too long becomes a JSON string with its beginning.
fn bounded(value: &(impl Serialize + ?Sized)) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    if json.len() <= LONGEST {
        return json;
    }
    let begin = &json[..json.floor_char_boundary(LONGEST / 2)];
    json!(format!("{begin}… ({} bytes)", json.len())).to_string()
}

/// A message without the bytes of its images.
fn shortened(message: &Message) -> Message {
    let mut message = message.clone();
    for part in &mut message.content {
        if let Part::Media { media } = part {
            media.url = short(&media.url);
        }
    }
    message
}

fn short(url: &str) -> String {
    if !url.starts_with("data:") || url.len() <= LONGEST_URI {
        return url.to_owned();
    }
    format!("{}… ({} bytes)", &url[..url.floor_char_boundary(LONGEST_URI)], url.len())
}

/// A message as OpenTelemetry's conventions have it (`gen_ai.input.messages`).
fn conventional(message: &Message, finish_reason: Option<&str>) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Model => "assistant",
        Role::Tool => "tool",
    };
    let parts: Vec<_> = message.content.iter().filter_map(part).collect();
    let mut message = json!({ "role": role, "parts": parts });
    if let Some(reason) = finish_reason {
        message["finish_reason"] = reason.into();
    }
    message
}

fn part(part: &Part) -> Option<Value> {
    Some(match part {
        Part::Text { text, .. } => json!({ "type": "text", "content": text }),
        Part::Media { media } => {
            let mime_type = media.content_type.as_deref().unwrap_or_default();
            let modality = mime_type.split('/').next();
            json!({ "type": "uri", "modality": modality, "mime_type": mime_type, "uri": short(&media.url) })
        }
        Part::ToolRequest { tool_request: call, .. } => with_id(
            json!({ "type": "tool_call", "name": call.name, "arguments": call.input }),
            call.reference.as_ref(),
        ),
        Part::ToolResponse { tool_response: result } => with_id(
            json!({ "type": "tool_call_response", "response": result.output }),
            result.reference.as_ref(),
        ),
        Part::Reasoning { reasoning, .. } => json!({ "type": "reasoning", "content": reasoning }),
        Part::Pending { .. } => return None,
    })
}

fn with_id(mut part: Value, id: Option<&String>) -> Value {
    if let Some(id) = id {
        part["id"] = id.as_str().into();
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_still_json_and_the_bytes_of_an_image_are_left_out() {
        let long = bounded(&"é".repeat(LONGEST));
        let long: String = serde_json::from_str(&long).unwrap();
        assert!(
            long.len() < LONGEST && long.ends_with(&format!("… ({} bytes)", 2 * LONGEST + 2)),
            "{}",
            long.len()
        );
        let url = format!("data:image/png;base64,{}", "A".repeat(1000));
        let media = crate::message::Media { url, content_type: Some("image/png".into()) };
        let message = Message::new(Role::User, vec![Part::Media { media }]);
        for json in [json!(shortened(&message)), conventional(&message, None)] {
            let json = json.to_string();
            assert!(json.contains("data:image/png;base64,AA") && json.len() < 250, "{json}");
        }
    }
}
