//! What the fake answers on its own: enough to stand in for a whole model.

use schema_example::example;
use serde_json::{Value, json};

use crate::part::{Part, SIGNATURE};
use crate::reply::Reply;
use crate::request::{Request, field};

/// A call of a declared function until its result is there; then an instance of the schema, if there is
/// one; else prose about the prompt.
pub(crate) fn answer(request: &Request) -> Reply {
    if let Some(call) = call(request) {
        return Reply::parts([call]);
    }
    if let Some(schema) = request.schema() {
        return Reply::json(&example(&json_schema(schema)));
    }
    let mime = request.config().and_then(|config| field(config, "responseMimeType")?.as_str());
    if mime == Some("application/json") {
        return Reply::json(&json!({ "answer": prose(request) }));
    }
    let prose = prose(request);
    let words: Vec<&str> = prose.split_inclusive(' ').collect();
    Reply::chunks(words.chunks(words.len().div_ceil(6).max(1)).map(<[&str]>::concat))
}

fn call(request: &Request) -> Option<Part> {
    let config = field(&request.body, "toolConfig").and_then(|c| field(c, "functionCallingConfig"));
    let mode = config.and_then(|config| config["mode"].as_str());
    if mode == Some("NONE") || !request.tool_results().is_empty() {
        return None;
    }
    let allowed = config.and_then(|config| field(config, "allowedFunctionNames")?.as_array());
    let is_allowed = |tool: &Value| allowed.is_none_or(|names| names.contains(&tool["name"]));
    let tool = request.tools().into_iter().find(|tool| is_allowed(tool))?;
    let schema = field(tool, "parametersJsonSchema").or_else(|| field(tool, "parameters"));
    let args = schema.map_or_else(|| json!({}), |it| example(&json_schema(it)));
    let call = Part::call(tool["name"].as_str().unwrap_or_default(), args).signed(SIGNATURE);
    // Gemini 3 gives its calls ids, earlier models do not.
    let numbered = request.model().starts_with("gemini-3");
    Some(if numbered { call.id(format!("call-{}", request.index)) } else { call })
}

fn prose(request: &Request) -> String {
    let asked = request.last_user_text();
    let words: Vec<&str> = asked.split_whitespace().take(12).collect();
    let media =
        request.media().into_iter().map(|mime| format!("The {mime} you sent shows a quiet harbour. "));
    let results = request.tool_results();
    let results = results.iter().map(|result| {
        format!("The tool {} said {}. ", result["name"].as_str().unwrap_or("?"), result["response"])
    });
    let asked = format!("You asked: “{}”. ", words.join(" "));
    let rest =
        "Here is an answer from a model that is not one: short, calm, always the same – naïve, but ready.";
    std::iter::once(asked).chain(media).chain(results).chain([rest.to_owned()]).collect()
}

/// A schema in Gemini's `OpenAPI` subset (<https://ai.google.dev/api/caching#Schema>) as JSON Schema: its types are
/// in capitals and its sizes are texts. A JSON Schema stays what it is.
fn json_schema(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let value = match (name.as_str(), value) {
                    ("type", Value::String(kind)) => json!(kind.to_lowercase()),
                    (size, Value::String(text)) if size.starts_with("min") || size.starts_with("max") => {
                        text.parse::<u64>().map_or_else(|_| value.clone(), |it| json!(it))
                    }
                    ("const" | "enum" | "default" | "example", value) => value.clone(),
                    (_, value) => json_schema(value),
                };
                (name.clone(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(items) => items.iter().map(json_schema).collect(),
        other => other.clone(),
    }
}
