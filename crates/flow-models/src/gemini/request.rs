//! What Gemini is asked.

use flow_runtime::ModelError;
use flow_runtime::message::{Media, Message, Part, Role, ToolRequest, ToolResponse};
use flow_runtime::model::{ModelConfig, ModelRequest, ProviderOptions, Thinking, ToolChoice};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::events::SIGNATURE;
use crate::answer::is_given;
use crate::body::merged;
use crate::media::Source;
use crate::options::GeminiOptions;
use crate::schema;

/// What Google tells callers to send with a call that another model made, in place of a signature
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tools<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    #[serde(skip_serializing_if = "GenerationConfig::is_empty")]
    generation_config: GenerationConfig<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<PartOut<'a>>,
}

#[derive(Serialize)]
struct PartOut<'a> {
    #[serde(flatten)]
    data: Data<'a>,
    #[serde(rename = "thoughtSignature", skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::enum_variant_names, reason = "the wire's names")]
enum Data<'a> {
    Text(&'a str),
    #[serde(rename_all = "camelCase")]
    InlineData {
        mime_type: &'a str,
        data: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    FileData {
        mime_type: &'a str,
        file_uri: &'a str,
    },
    FunctionCall(FunctionCall<'a>),
    FunctionResponse(FunctionResponse<'a>),
}

#[derive(Serialize)]
struct FunctionCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    args: &'a Value,
}

#[derive(Serialize)]
struct FunctionResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    response: ToolOutput<'a>,
}

/// A result must be an object.
#[derive(Serialize)]
#[serde(untagged)]
enum ToolOutput<'a> {
    Object(&'a Map<String, Value>),
    Other { output: &'a Value },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tools<'a> {
    function_declarations: Vec<Function<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters_json_schema: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<&'a RawValue>,
}

impl GenerationConfig<'_> {
    fn is_empty(&self) -> bool {
        let Self { temperature, top_p, top_k, seed, max_output_tokens, thinking_config, .. } = self;
        temperature.or(*top_p).is_none()
            && top_k.or(*max_output_tokens).is_none()
            && seed.is_none()
            && self.stop_sequences.is_empty()
            && thinking_config.is_none()
            && self.response_mime_type.is_none()
    }
}

/// Vertex AI knows no ids of calls.
pub(super) fn body(model: &str, asked: &ModelRequest, with_ids: bool) -> Result<Vec<u8>, ModelError> {
    let ModelRequest { messages, tools, output_schema, config, .. } = asked;
    // Before version 3, tools and a response schema are refused in one request. There words ask for the schema; the
    // answer is checked in any case.
    let old = ["gemini-1", "gemini-2"].iter().any(|it| model.starts_with(it));
    let in_words = output_schema.as_ref().filter(|_| old && !tools.is_empty());
    let words = in_words.map(|it| schema::in_words(it.value()));
    let response_schema = output_schema.as_ref().filter(|_| in_words.is_none());
    let response_schema = response_schema.map(|it| it.form("plain", schema::plain));
    let parameters: Vec<_> = tools.iter().map(|it| it.input_schema.form("plain", schema::plain)).collect();

    let mut system: Vec<_> = words.as_deref().into_iter().map(|it| unsigned(Data::Text(it))).collect();
    let mut contents: Vec<Content<'_>> = Vec::with_capacity(messages.len());
    for message in messages.iter() {
        let parts = parts(message, !old, with_ids)?;
        // A message of pending parts only is empty for a provider, and providers refuse empty messages.
        if parts.is_empty() {
            continue;
        }
        match message.role {
            Role::System => system.extend(parts),
            Role::User | Role::Tool => contents.push(Content { role: Some("user"), parts }),
            Role::Model => contents.push(Content { role: Some("model"), parts }),
        }
    }
    let functions = tools.iter().zip(&parameters).map(|(tool, parameters)| Function {
        name: &tool.name,
        description: &tool.description,
        parameters_json_schema: parameters,
    });
    let functions: Vec<_> = functions.collect();
    let body = Body {
        system_instruction: (!system.is_empty()).then_some(Content { role: None, parts: system }),
        contents,
        tool_config: config.tool_choice.as_ref().filter(|_| !functions.is_empty()).map(tool_config),
        tools: if functions.is_empty() { vec![] } else { vec![Tools { function_declarations: functions }] },
        generation_config: generation_config(model, config, response_schema.as_deref(), asked.thoughts),
    };
    merged(&body, config.extra.get(GeminiOptions::WIRE))
}

fn generation_config<'a>(
    model: &str,
    config: &'a ModelConfig,
    schema: Option<&'a RawValue>,
    thoughts: bool,
) -> GenerationConfig<'a> {
    GenerationConfig {
        temperature: config.temperature,
        top_p: config.top_p,
        top_k: config.top_k,
        seed: config.seed,
        max_output_tokens: config.max_output_tokens,
        stop_sequences: &config.stop_sequences,
        thinking_config: thinking_config(model, config.thinking, thoughts),
        response_mime_type: schema.map(|_| "application/json"),
        response_json_schema: schema,
    }
}

/// Version 2.5 takes a budget in bounds of its own, later ones a level, earlier ones nothing; `thoughts` asks for
/// summaries of what it thinks (<https://ai.google.dev/gemini-api/docs/thinking>).
fn thinking_config(model: &str, thinking: Option<Thinking>, thoughts: bool) -> Option<Value> {
    let is = |family: &str| model.starts_with(family);
    if is("gemini-1") || is("gemini-2.0") || is("gemma") {
        return None;
    }
    let mut config = thinking.map_or_else(|| json!({}), |it| amount(model, it));
    if thoughts {
        config["includeThoughts"] = true.into();
    }
    (config != json!({})).then_some(config)
}

fn amount(model: &str, thinking: Thinking) -> Value {
    let is = |family: &str| model.starts_with(family);
    if is("gemini-2.5") {
        let budget = match thinking.budget() {
            budget if is("gemini-2.5-pro") => budget.clamp(128, 32_768),
            0 => 0,
            budget if is("gemini-2.5-flash-lite") => budget.clamp(512, 24_576),
            budget => budget.min(24_576),
        };
        return json!({ "thinkingBudget": budget });
    }
    let level = match thinking.level() {
        "minimal" if model.contains("pro") => "low",
        level => level,
    };
    json!({ "thinkingLevel": level })
}

fn tool_config(choice: &ToolChoice) -> Value {
    let mode = match choice {
        ToolChoice::Auto => "AUTO",
        ToolChoice::None => "NONE",
        ToolChoice::Required => "ANY",
    };
    json!({ "functionCallingConfig": { "mode": mode } })
}

/// Versions from 3 on demand a signature with the first call of a turn; those after it share it.
fn parts(message: &Message, signed: bool, with_ids: bool) -> Result<Vec<PartOut<'_>>, ModelError> {
    let mut parts = Vec::with_capacity(message.content.len());
    let mut lacks_signature = signed;
    for part in &message.content {
        parts.push(match part {
            Part::Text { text, metadata } => {
                let signature = signature(metadata);
                if text.is_empty() && signature.is_none() {
                    continue;
                }
                PartOut { data: Data::Text(text), signature }
            }
            Part::Media { media } => unsigned(medium(media)?),
            Part::ToolRequest { tool_request, metadata } => {
                let missing = std::mem::take(&mut lacks_signature).then_some(NO_SIGNATURE);
                let data = Data::FunctionCall(call(tool_request, with_ids));
                PartOut { data, signature: signature(metadata).or(missing) }
            }
            Part::ToolResponse { tool_response } => {
                unsigned(Data::FunctionResponse(result(tool_response, with_ids)))
            }
            Part::Reasoning { .. } | Part::Pending { .. } => continue,
        });
    }
    Ok(parts)
}

fn unsigned(data: Data<'_>) -> PartOut<'_> {
    PartOut { data, signature: None }
}

fn signature(metadata: &Map<String, Value>) -> Option<&str> {
    metadata.get(SIGNATURE).and_then(Value::as_str)
}

fn call(call: &ToolRequest, with_id: bool) -> FunctionCall<'_> {
    let id = given(call.reference.as_deref()).filter(|_| with_id);
    FunctionCall { id, name: &call.name, args: &call.input }
}

fn result(answer: &ToolResponse, with_id: bool) -> FunctionResponse<'_> {
    let response = match &answer.output {
        Value::Object(members) => ToolOutput::Object(members),
        output => ToolOutput::Other { output },
    };
    let id = given(answer.reference.as_deref()).filter(|_| with_id);
    FunctionResponse { id, name: &answer.name, response }
}

fn given(reference: Option<&str>) -> Option<&str> {
    reference.filter(|it| is_given(it))
}

fn medium(media: &Media) -> Result<Data<'_>, ModelError> {
    Ok(match Source::of(media)? {
        Source::Data { content_type, base64 } => Data::InlineData { mime_type: content_type, data: base64 },
        Source::Address { content_type, url } => Data::FileData { mime_type: content_type, file_uri: url },
    })
}
