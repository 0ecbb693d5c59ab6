//! OpenAI's chat completions, and what is refused there.

use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::server::{Asked, Provider, Said, event, is_object, pieces, schemas, unknown};

pub(crate) static OPENAI: Provider = Provider { refuses: openai_refuses, asked, whole, events };

/// Ollama takes the same wire and skips what it does not know (<https://docs.ollama.com/api/openai-compatibility>).
pub(crate) static OLLAMA: Provider = Provider { refuses: |_, asked| turns(asked), asked, whole, events };

/// The members of a request (<https://platform.openai.com/docs/api-reference/chat/create>).
const MEMBERS: [&str; 36] = [
    "messages",
    "model",
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
    "moderation",
];

/// What strict mode does not take (<https://platform.openai.com/docs/guides/structured-outputs>, "Supported schemas").
const REFUSED_BY_STRICT: [&str; 11] = [
    "allOf",
    "oneOf",
    "not",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "then",
    "else",
    "patternProperties",
    "uniqueItems",
    "default",
];

#[expect(clippy::unnecessary_wraps, reason = "every rule returns it as it is")]
fn invalid(param: &str, code: Option<&str>, message: &str) -> Option<Value> {
    Some(
        json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}),
    )
}

fn openai_refuses(headers: &HeaderMap, asked: &Value) -> Option<Value> {
    if !headers.contains_key("authorization") {
        return invalid("", None, "You didn't provide an API key.");
    }
    if let Some(name) = unknown(asked, &MEMBERS) {
        return invalid(
            name,
            Some("unknown_parameter"),
            &format!("Unrecognized request argument supplied: {name}"),
        );
    }
    alone(asked)
        .or_else(|| of_reasoning(asked))
        .or_else(|| tools(asked))
        .or_else(|| strict(asked))
        .or_else(|| turns(asked))
}

/// What goes only together with something else. `parallel_tool_calls`: <https://github.com/openai/swarm/issues/30>.
fn alone(asked: &Value) -> Option<Value> {
    for name in ["tool_choice", "parallel_tool_calls"] {
        if asked.get(name).is_some() && asked.get("tools").is_none() {
            let message =
                format!("Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.");
            return invalid(name, None, &message);
        }
    }
    if asked["tools"].as_array().is_some_and(Vec::is_empty) {
        return invalid("tools", Some("empty_array"), "Invalid 'tools': empty array.");
    }
    if asked.get("stream_options").is_some() && asked["stream"] != true {
        return invalid(
            "stream_options",
            None,
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        );
    }
    if asked["stop"].as_array().is_some_and(|it| it.len() > 4) {
        return invalid("stop", Some("array_above_max_length"), "Invalid 'stop': array too long.");
    }
    None
}

/// What models that reason refuse (<https://github.com/diffbot/code-gpt-docs/issues/445>,
/// <https://github.com/getcmd-dev/cmd/issues/36>).
fn of_reasoning(asked: &Value) -> Option<Value> {
    // `next` is a model that nobody knows by its name.
    let reasons = |it: &str| ["gpt-5", "o", "next"].iter().any(|family| it.starts_with(family));
    if !asked["model"].as_str().is_some_and(reasons) {
        // What only they take (<https://platform.openai.com/docs/guides/reasoning>).
        let given = asked.get("reasoning_effort")?;
        let message =
            format!("Unsupported parameter: 'reasoning_effort' is not supported with this model: {given}");
        return invalid("reasoning_effort", Some("unsupported_parameter"), &message);
    }
    if asked.get("max_tokens").is_some() {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                       'max_completion_tokens' instead.";
        return invalid("max_tokens", Some("unsupported_parameter"), message);
    }
    for name in ["temperature", "top_p"] {
        if let Some(value) = asked.get(name).filter(|it| it.as_f64() != Some(1.0)) {
            let message = format!(
                "Unsupported value: '{name}' does not support {value} with this model. Only the default (1) value is \
                 supported."
            );
            return invalid(name, Some("unsupported_value"), &message);
        }
    }
    None
}

/// Names of functions, and parameters that are objects with properties
/// (<https://platform.openai.com/docs/api-reference/chat/create>, `tools`).
fn tools(asked: &Value) -> Option<Value> {
    for (nth, tool) in asked["tools"].as_array().into_iter().flatten().enumerate() {
        let function = &tool["function"];
        let name = function["name"].as_str().unwrap_or_default();
        if tool["type"] != "function" || !is_name(name) {
            return invalid(
                &format!("tools[{nth}].function.name"),
                Some("invalid_value"),
                "Invalid function name.",
            );
        }
        let mut inside = Vec::new();
        schemas(&function["parameters"], "()", &mut inside);
        let lacking = inside.iter().any(|(_, it)| is_object(it) && it.get("properties").is_none())
            || !is_object(&function["parameters"]);
        if lacking {
            let message = format!(
                "Invalid schema for function '{name}': In context=(), object schema missing properties."
            );
            return invalid(
                &format!("tools[{nth}].function.parameters"),
                Some("invalid_function_parameters"),
                &message,
            );
        }
    }
    None
}

/// The schema of an answer (<https://platform.openai.com/docs/guides/structured-outputs>, "Supported schemas").
fn strict(asked: &Value) -> Option<Value> {
    let format = asked.get("response_format")?;
    let wrong = |why: &str| {
        let message = format!("Invalid schema for response_format: {why}");
        invalid("response_format", Some("invalid_schema"), &message)
    };
    let described = &format["json_schema"];
    if format["type"] != "json_schema" || !is_name(described["name"].as_str().unwrap_or_default()) {
        return wrong("no name");
    }
    if described["strict"] != true {
        return None;
    }
    let mut inside = Vec::new();
    schemas(&described["schema"], "()", &mut inside);
    if !is_object(&described["schema"]) {
        return wrong("schema must be a JSON Schema of 'type: \"object\"'");
    }
    for (path, schema) in inside {
        if let Some(name) = REFUSED_BY_STRICT.iter().find(|it| schema.get(**it).is_some()) {
            return wrong(&format!("In context={path}, '{name}' is not permitted."));
        }
        if !is_object(schema) {
            continue;
        }
        if schema["additionalProperties"] != false {
            return wrong(&format!(
                "In context={path}, 'additionalProperties' is required to be supplied and to be false."
            ));
        }
        let required: Vec<_> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let optional = schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .find(|it| !required.contains(&it.0.as_str()));
        if let Some((name, _)) = optional {
            return wrong(&format!(
                "In context={path}, 'required' is required to be supplied and to be an array including every key in \
                 properties. Missing '{name}'."
            ));
        }
    }
    None
}

/// Roles, contents, and a result for every call
/// (<https://platform.openai.com/docs/guides/function-calling>, "Handling function calls").
fn turns(asked: &Value) -> Option<Value> {
    let messages = asked["messages"].as_array().filter(|it| !it.is_empty());
    let Some(messages) = messages else {
        return invalid("messages", Some("empty_array"), "Invalid 'messages': empty array.");
    };
    let mut open: Vec<&str> = Vec::new();
    for (nth, message) in messages.iter().enumerate() {
        let place = format!("messages[{nth}]");
        match message["role"].as_str() {
            Some("tool") => {
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                let Some(at) = open.iter().position(|it| *it == id) else {
                    return invalid(
                        &place,
                        None,
                        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with \
                         'tool_calls'.",
                    );
                };
                open.remove(at);
                if !message["content"].is_string() {
                    return invalid(&place, Some("invalid_type"), "Invalid type for the content of a tool.");
                }
            }
            Some("system" | "developer" | "user" | "assistant") if open.is_empty() => {}
            Some("system" | "developer" | "user" | "assistant") => {
                return invalid(
                    &place,
                    None,
                    "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
                     'tool_call_id'.",
                );
            }
            _ => return invalid(&place, Some("invalid_value"), "Invalid role."),
        }
        let calls = message["tool_calls"].as_array();
        open.extend(calls.into_iter().flatten().filter_map(|it| it["id"].as_str()));
        if calls.is_none() && message.get("content").is_none_or(Value::is_null) {
            return invalid(
                &place,
                Some("invalid_type"),
                "Invalid value for 'content': expected a string, got null.",
            );
        }
        if let Some(fault) = parts(&place, message) {
            return Some(fault);
        }
    }
    None
}

/// Images are pictures by address, or data of four kinds
/// (<https://platform.openai.com/docs/guides/images-vision>, "Image input requirements").
fn parts(place: &str, message: &Value) -> Option<Value> {
    for part in message["content"].as_array().into_iter().flatten() {
        let url = part["image_url"]["url"].as_str().unwrap_or_default();
        let data = ["png", "jpeg", "webp", "gif"].map(|it| format!("data:image/{it};base64,"));
        let good = match part["type"].as_str() {
            Some("text") => part["text"].is_string(),
            Some("image_url") => url.starts_with("http") || data.iter().any(|it| url.starts_with(it)),
            Some("input_audio" | "file") => true,
            _ => false,
        };
        if !good {
            return invalid(place, Some("invalid_image_url"), "Invalid part of a message.");
        }
    }
    None
}

/// Up to 64 letters, digits, `_` and `-`.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '-')
}

fn asked(asked: &Value) -> Asked {
    let answered = asked["messages"].as_array().into_iter().flatten().any(|it| it["role"] == "tool");
    let function = &asked["tools"][0]["function"];
    let tool = function["name"].as_str().map(|name| (name.to_owned(), function["parameters"].clone()));
    let schema = asked["response_format"]["json_schema"].get("schema").cloned();
    Asked { tool: tool.filter(|_| !answered), schema, streamed: asked["stream"] == true }
}

fn call(name: &str, input: &Value) -> Value {
    json!({"id": "call_1a", "type": "function", "function": {"name": name, "arguments": input.to_string()}})
}

fn usage() -> Value {
    json!({"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16})
}

fn whole(said: &Said) -> Value {
    let (message, reason) = match said {
        Said::Text(text) => (json!({"role": "assistant", "content": text, "refusal": null}), "stop"),
        Said::Call { name, input } => {
            let message = json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [call(name, input)]});
            (message, "tool_calls")
        }
    };
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason}],
        "usage": usage(),
    })
}

fn events(said: &Said) -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        event(&json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": choices, "usage": usage,
        }))
    };
    let delta = |delta: Value, reason: Option<&str>| {
        chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}]), Value::Null)
    };
    let mut events = vec![delta(json!({"role": "assistant", "content": "", "refusal": null}), None)];
    let reason =
        match said {
            Said::Text(text) => {
                events.extend(pieces(text).iter().map(|it| delta(json!({"content": it}), None)));
                "stop"
            }
            Said::Call { name, input } => {
                let mut begin = call(name, input);
                begin["index"] = 0.into();
                begin["function"]["arguments"] = "".into();
                events.push(delta(json!({"tool_calls": [begin]}), None));
                events.extend(pieces(&input.to_string()).iter().map(|it| {
                    delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": it}}]}), None)
                }));
                "tool_calls"
            }
        };
    events.push(delta(json!({}), Some(reason)));
    events.push(chunk(json!([]), usage()));
    events.push("data: [DONE]\n\n".into());
    events
}
