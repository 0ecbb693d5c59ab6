//! Anthropic's messages, and what is refused there.

use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::server::{Asked, Provider, Said, is_object, pieces, schemas, unknown};

pub(crate) static ANTHROPIC: Provider = Provider { refuses, asked, whole, events };

/// The members of a request (<https://docs.claude.com/en/api/messages>).
const MEMBERS: [&str; 18] = [
    "model",
    "messages",
    "max_tokens",
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "metadata",
    "output_config",
    "service_tier",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_p",
];

/// What a schema may not say (<https://docs.claude.com/en/docs/build-with-claude/structured-outputs>, "JSON Schema
/// limitations"; <https://github.com/agentjido/req_llm/issues/302>).
const BOUNDS: [&str; 11] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

#[expect(clippy::unnecessary_wraps, reason = "every rule returns it as it is")]
fn invalid(message: &str) -> Option<Value> {
    Some(json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}}))
}

fn refuses(headers: &HeaderMap, asked: &Value) -> Option<Value> {
    if !headers.contains_key("x-api-key") {
        return invalid("x-api-key header is required");
    }
    if headers.get("anthropic-version").is_none_or(|it| it != "2023-06-01") {
        return invalid("anthropic-version: header is required");
    }
    if let Some(name) = unknown(asked, &MEMBERS).filter(|it| *it != "top_k") {
        return invalid(&format!("{name}: Extra inputs are not permitted"));
    }
    if asked["max_tokens"].as_u64().is_none_or(|it| it == 0) {
        return invalid("max_tokens: Field required");
    }
    settings(asked).or_else(|| tools(asked)).or_else(|| output(asked)).or_else(|| turns(asked))
}

/// Settings that do not go together (<https://docs.claude.com/en/docs/build-with-claude/extended-thinking>, "Feature
/// compatibility"; <https://github.com/danny-avila/LibreChat/issues/11949>).
fn settings(asked: &Value) -> Option<Value> {
    let given = |name: &str| asked.get(name).is_some();
    if asked["temperature"].as_f64().is_some_and(|it| it > 1.0) {
        return invalid("temperature: range: 0..1");
    }
    if given("temperature") && given("top_p") {
        return invalid(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        );
    }
    if let Some(thinking) = asked.get("thinking").filter(|it| it["type"] != "disabled") {
        if ["temperature", "top_k"].iter().any(|it| given(it)) {
            return invalid("`temperature` may only be set to 1 when thinking is enabled.");
        }
        if ["any", "tool"].iter().any(|it| asked["tool_choice"]["type"] == **it) {
            return invalid("Thinking may not be enabled when tool_choice forces tool use.");
        }
        // <https://docs.claude.com/en/docs/build-with-claude/adaptive-thinking>, "Supported models".
        if thinking["type"] == "adaptive" && asked["model"].as_str().is_some_and(|it| it.contains("4-5")) {
            return invalid("Unsupported 'thinking.type': adaptive thinking is not supported on this model");
        }
        let budget = thinking["budget_tokens"].as_u64();
        if budget.is_some_and(|it| it < 1024 || it >= asked["max_tokens"].as_u64().unwrap_or_default()) {
            return invalid("`max_tokens` must be greater than `thinking.budget_tokens`.");
        }
    }
    None
}

/// Names, schemas and the choice of tools (<https://docs.claude.com/en/api/messages>, `tools`).
fn tools(asked: &Value) -> Option<Value> {
    if asked.get("tool_choice").is_some() && asked.get("tools").is_none() {
        return invalid("tool_choice: tool_choice may only be specified while providing tools.");
    }
    for (nth, tool) in asked["tools"].as_array().into_iter().flatten().enumerate() {
        if !is_word(tool["name"].as_str().unwrap_or_default()) {
            return invalid(&format!(
                "tools.{nth}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            ));
        }
        if tool["input_schema"]["type"] != "object" {
            return invalid(&format!("tools.{nth}.custom.input_schema.type: Field required"));
        }
    }
    None
}

fn output(asked: &Value) -> Option<Value> {
    let schema = asked["output_config"]["format"].get("schema")?;
    let mut inside = Vec::new();
    schemas(schema, "", &mut inside);
    for (_, schema) in inside {
        if let Some(name) = BOUNDS.iter().find(|it| schema.get(**it).is_some()) {
            let kind = &schema["type"];
            return invalid(&format!(
                "output_config.format.schema: For {kind} type, property '{name}' is not supported"
            ));
        }
        if is_object(schema) && schema["additionalProperties"] != false {
            return invalid(
                "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
            );
        }
    }
    None
}

/// Turns that alternate, texts that say something, a result for every call in the very next message
/// (<https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use>;
/// <https://github.com/anthropics/claude-code/issues/7929>; <https://github.com/vercel/ai/issues/5576>).
fn turns(asked: &Value) -> Option<Value> {
    let messages = asked["messages"].as_array().filter(|it| !it.is_empty());
    let Some(messages) = messages else { return invalid("messages: at least one message is required") };
    if messages[0]["role"] != "user" {
        return invalid("messages: first message must use the \"user\" role");
    }
    let mut open: Vec<&str> = Vec::new();
    for (nth, message) in messages.iter().enumerate() {
        if !["user", "assistant"].iter().any(|it| message["role"] == **it) {
            return invalid(&format!("messages.{nth}.role: Input should be 'user' or 'assistant'"));
        }
        let blocks: Vec<_> = message["content"].as_array().into_iter().flatten().collect();
        if blocks.is_empty() && message["content"].as_str().is_none_or(str::is_empty) {
            return invalid(&format!("messages.{nth}: all messages must have non-empty content"));
        }
        let results = |it: &&Value| it["type"] == "tool_result";
        let answered: Vec<_> =
            blocks.iter().copied().filter(results).filter_map(|it| it["tool_use_id"].as_str()).collect();
        if let Some(id) = open.iter().find(|it| !answered.contains(it)) {
            return invalid(&format!(
                "messages.{nth}: `tool_use` ids were found without `tool_result` blocks immediately after: {id}."
            ));
        }
        if let Some(id) = answered.iter().find(|it| !open.contains(it)) {
            return invalid(&format!(
                "messages.{nth}: unexpected `tool_use_id` found in `tool_result` blocks: {id}."
            ));
        }
        if blocks.iter().skip_while(|it| results(it)).any(results) {
            return invalid(&format!("messages.{nth}: `tool_result` blocks must come first"));
        }
        open =
            blocks.iter().filter(|it| it["type"] == "tool_use").filter_map(|it| it["id"].as_str()).collect();
        if let Some(fault) = blocks.iter().find_map(|it| block(nth, it)) {
            return Some(fault);
        }
    }
    None
}

/// One block (<https://docs.claude.com/en/docs/build-with-claude/vision>, "Supported formats").
fn block(nth: usize, block: &Value) -> Option<Value> {
    let kinds = ["image/jpeg", "image/png", "image/gif", "image/webp"];
    match block["type"].as_str() {
        Some("text") if block["text"].as_str().is_none_or(|it| it.trim().is_empty()) => {
            invalid("messages: text content blocks must contain non-whitespace text")
        }
        Some("tool_use") if !is_word(block["id"].as_str().unwrap_or_default()) => {
            invalid(&format!("messages.{nth}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"))
        }
        Some("tool_use") if !block["input"].is_object() => {
            invalid(&format!("messages.{nth}.tool_use.input: Input should be a valid dictionary"))
        }
        Some("image") => {
            let source = &block["source"];
            let good = match source["type"].as_str() {
                Some("url") => source["url"].as_str().is_some_and(|it| it.starts_with("http")),
                Some("base64") => {
                    kinds.iter().any(|it| source["media_type"] == **it) && source["data"].is_string()
                }
                _ => false,
            };
            if good { None } else { invalid(&format!("messages.{nth}.image.source: invalid")) }
        }
        Some("text" | "tool_use" | "tool_result" | "thinking" | "redacted_thinking" | "document") => None,
        _ => invalid(&format!("messages.{nth}.content: Input tag does not match any of the expected tags")),
    }
}

/// Up to 128 letters, digits, `_` and `-`.
fn is_word(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '-')
}

fn asked(asked: &Value) -> Asked {
    let blocks = asked["messages"].as_array().into_iter().flatten().filter_map(|it| it["content"].as_array());
    let answered = blocks.flatten().any(|it| it["type"] == "tool_result");
    let tool = &asked["tools"][0];
    let tool = tool["name"].as_str().map(|name| (name.to_owned(), tool["input_schema"].clone()));
    let schema = asked["output_config"]["format"].get("schema").cloned();
    Asked { tool: tool.filter(|_| !answered), schema, streamed: asked["stream"] == true }
}

fn content(said: &Said) -> (Value, &'static str) {
    match said {
        Said::Text(text) => (json!({"type": "text", "text": text}), "end_turn"),
        Said::Call { name, input } => {
            (json!({"type": "tool_use", "id": "toolu_01A", "name": name, "input": input}), "tool_use")
        }
    }
}

fn whole(said: &Said) -> Value {
    let (block, reason) = content(said);
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [block],
        "stop_reason": reason, "stop_sequence": null, "usage": {"input_tokens": 9, "output_tokens": 7},
    })
}

fn events(said: &Said) -> Vec<String> {
    let event =
        |data: &Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default());
    let (mut block, reason) = content(said);
    let (text, kind, member) = match said {
        Said::Text(text) => (text.clone(), "text_delta", "text"),
        Said::Call { input, .. } => (input.to_string(), "input_json_delta", "partial_json"),
    };
    match said {
        Said::Text(_) => block["text"] = "".into(),
        Said::Call { .. } => block["input"] = json!({}),
    }
    let mut message = whole(said);
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    let mut events = vec![
        event(&json!({"type": "message_start", "message": message})),
        event(&json!({"type": "content_block_start", "index": 0, "content_block": block})),
        event(&json!({"type": "ping"})),
    ];
    events.extend(pieces(&text).iter().map(|it| {
        event(&json!({"type": "content_block_delta", "index": 0, "delta": {"type": kind, member: it}}))
    }));
    events.extend([
        event(&json!({"type": "content_block_stop", "index": 0})),
        event(&json!({
            "type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
            "usage": {"output_tokens": 7},
        })),
        event(&json!({"type": "message_stop"})),
    ]);
    events
}
