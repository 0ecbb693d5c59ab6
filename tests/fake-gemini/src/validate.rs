//! What Gemini refuses before any model sees it, as far as clients have been bitten by it.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::faults::Fault;
use crate::request::{Request, field, parts, snake};

/// Fields by the REST reference, <https://ai.google.dev/api/generate-content> and `/api/caching#Content`.
const REQUEST: &[&str] = &[
    "model",
    "contents",
    "tools",
    "toolConfig",
    "safetySettings",
    "systemInstruction",
    "generationConfig",
    "cachedContent",
    "serviceTier",
    "store",
];
const CONFIG: &[&str] = &[
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "_responseJsonSchema",
    "responseJsonSchema",
    "responseModalities",
    "responseFormat",
    "candidateCount",
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "enableEnhancedCivicAnswers",
    "speechConfig",
    "thinkingConfig",
    "imageConfig",
    "mediaResolution",
];
const CONTENT: &[&str] = &["role", "parts"];
const PART: &[&str] = &[
    "text",
    "inlineData",
    "functionCall",
    "functionResponse",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "thought",
    "thoughtSignature",
    "partMetadata",
    "videoMetadata",
    "mediaResolution",
];
const FUNCTION: &[&str] = &[
    "name",
    "description",
    "behavior",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
];
/// `Schema` is a subset of `OpenAPI` 3.0: `$ref`, `$schema` or `additionalProperties` are unknown names in it.
const SCHEMA: &[&str] = &[
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "items",
    "minimum",
    "maximum",
];

pub(crate) fn check(request: &Request) -> Result<(), Fault> {
    let body = &*request.body;
    if !body.is_object() {
        return Err(Fault::invalid_argument("Invalid JSON payload received. Expected an object."));
    }
    known(body, REQUEST, "")?;
    if request.contents().is_empty() {
        let message = "* GenerateContentRequest.contents: contents is not specified\n";
        return Err(Fault::invalid_argument(message));
    }
    for (at, content) in request.contents().iter().enumerate() {
        known(content, CONTENT, &format!("contents[{at}]"))?;
        for (n, part) in parts(content).enumerate() {
            known(part, PART, &format!("contents[{at}].parts[{n}]"))?;
        }
    }
    for (at, function) in request.tools().into_iter().enumerate() {
        let path = format!("tools[0].function_declarations[{at}]");
        known(function, FUNCTION, &path)?;
        if let Some(schema) = field(function, "parameters") {
            openapi(schema, &format!("{path}.parameters"))?;
        }
    }
    if let Some(config) = request.config() {
        known(config, CONFIG, "generation_config")?;
        if let Some(schema) = field(config, "responseSchema") {
            openapi(schema, "generation_config.response_schema")?;
        }
        together(request, config)?;
    }
    turns(request)
}

fn known(value: &Value, names: &[&str], path: &str) -> Result<(), Fault> {
    for name in value.as_object().into_iter().flat_map(|object| object.keys()) {
        if !names.iter().any(|known| known == name || snake(known) == *name) {
            let place = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
            let message =
                format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field.");
            return Err(Fault::invalid_argument(message.clone()).detail(json!({
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{ "field": path, "description": message }],
            })));
        }
    }
    Ok(())
}

fn openapi(schema: &Value, path: &str) -> Result<(), Fault> {
    known(schema, SCHEMA, path)?;
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        openapi(property, &format!("{path}.properties[{name}]"))?;
    }
    if let Some(items) = schema.get("items") {
        openapi(items, &format!("{path}.items"))?;
    }
    for branch in field(schema, "anyOf").and_then(Value::as_array).into_iter().flatten() {
        openapi(branch, &format!("{path}.any_of"))?;
    }
    Ok(())
}

/// Combinations of settings that are refused.
fn together(request: &Request, config: &Value) -> Result<(), Fault> {
    let json = field(config, "responseMimeType").and_then(Value::as_str) == Some("application/json");
    if request.schema().is_some() && !json {
        let message = "Response schema is only supported with response_mime_type: 'application/json'";
        return Err(Fault::invalid_argument(message));
    }
    // Combining the two came with Gemini 3.
    let old = ["gemini-1", "gemini-2"].iter().any(|family| request.model().starts_with(family));
    if old && json && !request.tools().is_empty() {
        let message = "Function calling with a response mime type: 'application/json' is unsupported";
        return Err(Fault::invalid_argument(message));
    }
    Ok(())
}

/// The rules for the turns of a tool loop: as many results as calls, under the same names, and, for
/// Gemini 3, every step of the current turn signed on its first call.
fn turns(request: &Request) -> Result<(), Fault> {
    let contents = request.contents();
    let has = |content: &Value, name: &str| parts(content).any(|part| field(part, name).is_some());
    let opens_turn = |content: &Value| content["role"] != "model" && !has(content, "functionResponse");
    let turn_start = contents.iter().rposition(opens_turn).unwrap_or(0);
    for (at, content) in contents.iter().enumerate() {
        let calls: Vec<&Value> =
            parts(content).filter(|part| field(part, "functionCall").is_some()).collect();
        let Some(first) = calls.first() else { continue };
        let name = |part: &Value, kind| field(part, kind).map_or(Value::Null, |call| call["name"].clone());
        let signed = field(first, "thoughtSignature").is_some();
        if request.model().starts_with("gemini-3") && at > turn_start && !signed {
            let message = format!(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools \
                 to work correctly, and missing thought_signature may lead to degraded model performance. \
                 Additional data, function call `default_api:{}` , position {}. Please refer to \
                 https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
                name(first, "functionCall").as_str().unwrap_or_default(),
                at + 1,
            );
            return Err(Fault::invalid_argument(message));
        }
        let answers = contents.get(at + 1).into_iter().flat_map(parts);
        let answers: Vec<Value> = answers
            .filter(|part| field(part, "functionResponse").is_some())
            .map(|part| name(part, "functionResponse"))
            .collect();
        let called: HashSet<String> = calls.iter().map(|p| name(p, "functionCall").to_string()).collect();
        if answers.len() != calls.len() || answers.iter().any(|name| !called.contains(&name.to_string())) {
            let message = "Please ensure that the number of function response parts is equal to the number of \
                           function call parts of the function call turn.";
            return Err(Fault::invalid_argument(message));
        }
    }
    Ok(())
}
