//! What Claude is asked.

use std::borrow::Cow;

use flow_runtime::ModelError;
use flow_runtime::message::{Media, Message, Part, Role};
use flow_runtime::model::{ModelConfig, ModelRequest, ProviderOptions, Thinking, ToolChoice};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::member::{Member, version};
use super::response::{REDACTED, SIGNATURE};

use crate::body::merged;
use crate::ids::Ids;
use crate::lacks::Lacks;
use crate::media::Source;
use crate::options::AnthropicOptions;
use crate::schema;

/// The least budget that thinking may have, in tokens.
const MIN_BUDGET: u32 = 1024;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<MessageOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "OutputConfig::is_empty")]
    output_config: OutputConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    stream: bool,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
}

impl OutputConfig<'_> {
    fn is_empty(&self) -> bool {
        self.format.is_none() && self.effort.is_none()
    }
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    schema: &'a RawValue,
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text { text: &'a str },
    Image { source: SourceOut<'a> },
    Document { source: SourceOut<'a> },
    ToolUse { id: Cow<'a, str>, name: &'a str, input: &'a Value },
    ToolResult { tool_use_id: Cow<'a, str>, content: Cow<'a, str> },
    Thinking { thinking: &'a str, signature: &'a str },
    RedactedThinking { data: &'a str },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum SourceOut<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a RawValue,
}

pub(super) fn body(
    model: &str,
    asked: &ModelRequest,
    lacks: &Lacks<Member>,
    streamed: bool,
) -> Result<Vec<u8>, ModelError> {
    let ModelRequest { messages, tools, output_schema, config, .. } = asked;
    let in_words = output_schema.as_ref().filter(|_| lacks.has(Member::OutputFormat));
    let words = in_words.map(|it| schema::in_words(it.value()));
    let schema = output_schema.as_ref().filter(|_| in_words.is_none());
    let schema = schema.map(|it| it.form("without bounds", schema::without_bounds));
    let parameters: Vec<_> = tools.iter().map(|it| it.input_schema.form("plain", schema::plain)).collect();

    let mut ids = Ids::default();
    let mut system: Vec<_> = words.as_deref().into_iter().map(|text| Block::Text { text }).collect();
    let mut turns: Vec<MessageOut<'_>> = Vec::with_capacity(messages.len());
    for message in messages.iter() {
        let blocks = blocks(message, &mut ids)?;
        let role = match message.role {
            Role::System => {
                system.extend(blocks);
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Model => "assistant",
        };
        match turns.last_mut() {
            _ if blocks.is_empty() => {}
            // Turns alternate.
            Some(last) if last.role == role => last.content.extend(blocks),
            _ => turns.push(MessageOut { role, content: blocks }),
        }
    }
    let ModelConfig { temperature, top_p, top_k, .. } = *config;
    let most = config.max_output_tokens.unwrap_or_else(|| longest_answer(model));
    // A forced call, and a turn whose thoughts are another model's, are refused together with thinking.
    let may_think = config.tool_choice != Some(ToolChoice::Required) && !lacks_thoughts(messages);
    let (thinking, effort) = thinking(config.thinking.filter(|_| may_think), lacks, most);
    // With thinking the settings of chance are refused.
    let known = |member| thinking.is_none() && !lacks.has(member);
    let tools = tools.iter().zip(&parameters).map(|(tool, schema)| Tool {
        name: &tool.name,
        description: &tool.description,
        input_schema: schema,
    });
    let tools: Vec<_> = tools.collect();
    let body = Body {
        model,
        max_tokens: most,
        system,
        messages: turns,
        tool_choice: config.tool_choice.as_ref().filter(|_| !tools.is_empty()).map(tool_choice),
        tools,
        output_config: OutputConfig {
            format: schema.as_deref().map(|schema| Format { r#type: "json_schema", schema }),
            effort,
        },
        temperature: temperature.filter(|_| known(Member::Temperature)).map(|it| it.min(1.0)),
        // Newer models refuse both together.
        top_p: top_p.filter(|_| known(Member::TopP) && temperature.is_none()),
        top_k: top_k.filter(|_| known(Member::TopK)),
        thinking,
        stop_sequences: &config.stop_sequences,
        stream: streamed,
    };
    merged(&body, config.extra.get(AnthropicOptions::WIRE))
}

/// Whether a call of the current turn was made without thoughts of Claude's before it.
fn lacks_thoughts(messages: &[Message]) -> bool {
    let turn = messages.iter().rev().take_while(|it| it.role != Role::User);
    let is_call = |part: &Part| matches!(part, Part::ToolRequest { .. });
    let is_thought = |part: &Part| matches!(part, Part::Reasoning { reasoning, metadata } if thought(reasoning, metadata).is_some());
    turn.filter(|it| it.content.iter().any(is_call)).any(|it| !it.content.iter().any(is_thought))
}

/// Anthropic wants a limit with every request, and refuses one above the model's own.
fn longest_answer(model: &str) -> u32 {
    match version(model) {
        Some((..=2, _) | (3, 0)) => 4096,
        Some((3, ..=5)) => 8192,
        Some((4, ..=1)) => 32_000,
        _ => 64_000,
    }
}

/// How to ask for thinking, and with what effort.
fn thinking(
    thinking: Option<Thinking>,
    lacks: &Lacks<Member>,
    most: u32,
) -> (Option<Value>, Option<&'static str>) {
    let Some(thinking) = thinking.filter(|it| it.budget() > 0 && !lacks.has(Member::Thinking)) else {
        return (None, None);
    };
    if !lacks.has(Member::AdaptiveThinking) {
        return (Some(json!({ "type": "adaptive" })), Some(thinking.level()));
    }
    // The budget is a part of the limit.
    let budget = thinking.budget().max(MIN_BUDGET);
    let enabled = (budget < most).then(|| json!({ "type": "enabled", "budget_tokens": budget }));
    (enabled, None)
}

fn tool_choice(choice: &ToolChoice) -> Value {
    let choice = match choice {
        ToolChoice::Auto => "auto",
        ToolChoice::None => "none",
        ToolChoice::Required => "any",
    };
    json!({ "type": choice })
}

fn blocks<'a>(message: &'a Message, ids: &mut Ids) -> Result<Vec<Block<'a>>, ModelError> {
    let mut blocks = Vec::with_capacity(message.content.len());
    for part in &message.content {
        blocks.push(match part {
            Part::Text { text, .. } if text.trim().is_empty() => continue,
            Part::Text { text, .. } => Block::Text { text },
            Part::Media { media } => medium(media)?,
            Part::ToolRequest { tool_request: call, .. } => {
                Block::ToolUse { id: ids.of(call.reference.as_deref()), name: &call.name, input: &call.input }
            }
            Part::ToolResponse { tool_response: answer } => Block::ToolResult {
                tool_use_id: ids.of(answer.reference.as_deref()),
                content: match &answer.output {
                    Value::String(text) => text.into(),
                    other => other.to_string().into(),
                },
            },
            // Thoughts go back as they came, or not at all.
            Part::Reasoning { reasoning, metadata } => match thought(reasoning, metadata) {
                Some(block) => block,
                None => continue,
            },
            Part::Pending { .. } => continue,
        });
    }
    Ok(blocks)
}

fn thought<'a>(thinking: &'a str, metadata: &'a Map<String, Value>) -> Option<Block<'a>> {
    let text = |name| metadata.get(name).and_then(Value::as_str);
    let redacted = text(REDACTED).map(|data| Block::RedactedThinking { data });
    redacted.or_else(|| Some(Block::Thinking { thinking, signature: text(SIGNATURE)? }))
}

fn medium(media: &Media) -> Result<Block<'_>, ModelError> {
    let (content_type, source) = match Source::of(media)? {
        Source::Data { content_type, base64 } => {
            (content_type, SourceOut::Base64 { media_type: content_type, data: base64 })
        }
        Source::Address { content_type, url } => (content_type, SourceOut::Url { url }),
    };
    match content_type {
        "application/pdf" => Ok(Block::Document { source }),
        image if image.starts_with("image/") => Ok(Block::Image { source }),
        _ => Err(ModelError::rejected("this provider takes images and PDF alone")),
    }
}
