//! What OpenAI is asked.

use std::borrow::Cow;

use flow_runtime::message::{Media, Message, Part, Role};
use flow_runtime::model::{ModelConfig, ModelRequest, ProviderOptions, ToolChoice};
use flow_runtime::{CompiledSchema, ModelError};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::member::Member;
use crate::body::merged;
use crate::ids::Ids;
use crate::lacks::Lacks;
use crate::media::Source;
use crate::options::OpenAiOptions;
use crate::schema;

/// [`OpenAiOptions::parallel_tool_calls`] on the wire.
const PARALLEL: &str = "parallel_tool_calls";

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<MessageOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Content::is_left_out")]
    content: Content<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<Value>),
    /// With calls there may be no text; some servers refuse an empty one.
    Null,
}

impl Content<'_> {
    fn is_left_out(&self) -> bool {
        matches!(self, Self::Null)
    }
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: FunctionCall<'a>,
}

#[derive(Serialize)]
struct FunctionCall<'a> {
    name: &'a str,
    /// JSON, as a text.
    arguments: String,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a RawValue,
}

#[derive(Serialize)]
struct ResponseFormat<'a> {
    r#type: &'static str,
    json_schema: JsonSchema<'a>,
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    name: String,
    strict: bool,
    schema: &'a RawValue,
}

pub(super) fn body(
    model: &str,
    asked: &ModelRequest,
    lacks: &Lacks<Member>,
    streamed: bool,
) -> Result<Vec<u8>, ModelError> {
    let ModelRequest { messages, tools, output_schema, config, .. } = asked;
    let in_words = output_schema.as_ref().filter(|_| lacks.has(Member::ResponseFormat));
    let words = in_words.map(|it| schema::in_words(it.value()));
    let schema = output_schema.as_ref().filter(|_| in_words.is_none());
    let strict = schema.is_some_and(|it| schema::is_strict(it.value()));
    let form = schema
        .map(|it| if strict { it.form("strict", schema::strict) } else { it.form("plain", schema::plain) });
    let parameters: Vec<_> =
        tools.iter().map(|it| it.input_schema.form("parameters", schema::parameters)).collect();
    let tools = tools.iter().zip(&parameters).map(|(tool, parameters)| Tool {
        r#type: "function",
        function: Function { name: &tool.name, description: &tool.description, parameters },
    });

    let mut out = Vec::with_capacity(messages.len() + 1);
    if let Some(words) = &words {
        out.push(plain("system", Content::Text(words.into())));
    }
    let mut ids = Ids::default();
    for message in messages.iter() {
        add(message, &mut ids, &mut out)?;
    }
    let ModelConfig { max_output_tokens: most, .. } = *config;
    let known = |member| !lacks.has(member);
    let tools: Vec<_> = tools.collect();
    // Without tools there is nothing to choose, and the server says so with 400.
    let chooses = known(Member::ToolChoice) && !tools.is_empty();
    let refuses_max_tokens = lacks.has(Member::MaxTokens);
    let body = Body {
        model,
        messages: out,
        tool_choice: config.tool_choice.as_ref().filter(|_| chooses).map(tool_choice),
        tools,
        response_format: schema.zip(form.as_deref()).map(|(schema, form)| ResponseFormat {
            r#type: "json_schema",
            json_schema: JsonSchema { name: schema_name(schema), strict, schema: form },
        }),
        temperature: config.temperature.filter(|_| known(Member::Temperature)),
        top_p: config.top_p.filter(|_| known(Member::TopP)),
        seed: config.seed.filter(|_| known(Member::Seed)),
        max_tokens: most.filter(|_| !refuses_max_tokens),
        max_completion_tokens: most.filter(|_| refuses_max_tokens && known(Member::MaxCompletionTokens)),
        stop: if known(Member::Stop) { &config.stop_sequences } else { &[] },
        reasoning_effort: config
            .thinking
            .filter(|_| known(Member::ReasoningEffort))
            .map(flow_runtime::model::Thinking::level),
        stream: streamed,
        stream_options: (streamed && known(Member::StreamOptions)).then(|| json!({ "include_usage": true })),
    };
    match config.extra.get(OpenAiOptions::WIRE) {
        // Refused where there is no tool, and a default for a model may set it.
        Some(extra) if body.tools.is_empty() && extra.contains_key(PARALLEL) => {
            let mut extra = extra.clone();
            extra.shift_remove(PARALLEL);
            merged(&body, Some(&extra))
        }
        extra => merged(&body, extra),
    }
}

/// One message, or one for each result of a tool.
fn add<'a>(message: &'a Message, ids: &mut Ids, out: &mut Vec<MessageOut<'a>>) -> Result<(), ModelError> {
    let role = match message.role {
        Role::System => "system",
        Role::User | Role::Tool => "user",
        Role::Model => "assistant",
    };
    let (mut parts, mut calls, mut only_text) = (Vec::new(), Vec::new(), true);
    for part in &message.content {
        match part {
            Part::Text { text, .. } if text.is_empty() => {}
            Part::Text { text, .. } => parts.push((Some(text), json!({ "type": "text", "text": text }))),
            Part::Media { media } => {
                only_text = false;
                parts.push((None, medium(media)?));
            }
            Part::ToolRequest { tool_request: call, .. } => calls.push(ToolCall {
                id: ids.of(call.reference.as_deref()),
                r#type: "function",
                function: FunctionCall { name: &call.name, arguments: call.input.to_string() },
            }),
            Part::ToolResponse { tool_response: answer } => out.push(MessageOut {
                role: "tool",
                content: Content::Text(match &answer.output {
                    Value::String(text) => text.into(),
                    other => other.to_string().into(),
                }),
                tool_calls: Vec::new(),
                tool_call_id: Some(ids.of(answer.reference.as_deref())),
            }),
            Part::Reasoning { .. } | Part::Pending { .. } => {}
        }
    }
    let content = match parts.as_slice() {
        [] if calls.is_empty() => return Ok(()),
        [] => Content::Null,
        [(Some(text), _)] => Content::Text(text.as_str().into()),
        // Several texts are one, since some servers take only a text here.
        _ if only_text => {
            Content::Text(parts.iter().filter_map(|(text, _)| text.map(String::as_str)).collect())
        }
        _ => Content::Parts(parts.into_iter().map(|(_, part)| part).collect()),
    };
    // Some servers' templates demand that roles alternate.
    if let (Content::Text(text), Some(last)) = (&content, out.last_mut())
        && let Content::Text(before) = &mut last.content
        && last.role == role
        && role != "assistant"
    {
        before.to_mut().push_str("\n\n");
        before.to_mut().push_str(text);
        return Ok(());
    }
    out.push(MessageOut { tool_calls: calls, ..plain(role, content) });
    Ok(())
}

fn plain<'a>(role: &'static str, content: Content<'a>) -> MessageOut<'a> {
    MessageOut { role, content, tool_calls: Vec::new(), tool_call_id: None }
}

fn medium(media: &Media) -> Result<Value, ModelError> {
    let refused = ModelError::rejected("this provider takes such media only as a data URI");
    Ok(match Source::of(media)? {
        Source::Address { content_type, url } if content_type.starts_with("image/") => {
            json!({ "type": "image_url", "image_url": { "url": url } })
        }
        Source::Address { .. } => return Err(refused),
        Source::Data { content_type, base64 } => match content_type.split_once('/') {
            Some(("image", _)) => {
                json!({ "type": "image_url", "image_url": { "url": format!("data:{content_type};base64,{base64}") } })
            }
            Some(("audio", format)) => {
                // OpenAI takes these two; it refuses what is neither.
                let format = if format.contains("wav") { "wav" } else { "mp3" };
                json!({ "type": "input_audio", "input_audio": { "data": base64, "format": format } })
            }
            _ => json!({
                "type": "file",
                "file": { "filename": "file", "file_data": format!("data:{content_type};base64,{base64}") },
            }),
        },
    })
}

fn tool_choice(choice: &ToolChoice) -> &'static str {
    match choice {
        ToolChoice::Auto => "auto",
        ToolChoice::None => "none",
        ToolChoice::Required => "required",
    }
}

/// OpenAI allows 64 letters, digits, `_` and `-`.
fn schema_name(schema: &CompiledSchema) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() || it == '_' || it == '-' { it } else { '_' };
    schema.name().chars().take(64).map(plain).collect()
}
