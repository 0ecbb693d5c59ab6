//! The schemas: the flows' types, errors, probes, events.

use serde_json::{Map, Value, json};

use crate::flow::{FlowInfo, StreamForm};
use crate::schema::TypeInfo;

/// All that have names.
pub(super) fn all(table: &[FlowInfo]) -> Map<String, Value> {
    let types = table.iter().flat_map(|it| [it.input, it.output]);
    let mut schemas: Map<String, Value> =
        types.map(|it| (it.name.to_owned(), (it.document)().clone())).collect();
    let others =
        [("Health", health()), ("Ready", ready()), ("Problem", problem()), ("GenkitError", genkit_error())];
    schemas.extend(others.map(|(name, schema)| (name.to_owned(), schema)));
    schemas
}

/// The content of a REST stream: chunks, then one frame that is the last.
pub(super) fn rest_stream(flow: &FlowInfo) -> Value {
    let Some(form) = flow.form else { return Value::Null };
    let result = match form {
        StreamForm::Text { member } => one(member, &json!({"type": "string"})),
        StreamForm::Partial => (flow.output.document)().clone(),
    };
    let mut done = one("done", &json!({"const": true}));
    if let (Some(properties), Some(more)) =
        (done["properties"].as_object_mut(), result["properties"].as_object())
    {
        properties.extend(more.clone());
    }
    if let (Some(required), Some(more)) = (done["required"].as_array_mut(), result["required"].as_array()) {
        required.extend(more.iter().cloned());
    }
    let chunk = one(form.chunk(), &chunk(form, flow.output));
    stream(&json!([chunk, done, one("error", &named("Problem"))]))
}

/// The content of a stream in the Genkit client protocol: messages, then one frame that is the last.
pub(super) fn genkit_stream(flow: &FlowInfo) -> Value {
    let message = flow.form.map(|form| one("message", &chunk(form, flow.output)));
    let last = [one("result", &named(flow.output.name)), one("error", &named("GenkitError"))];
    stream(&message.into_iter().chain(last).collect())
}

/// What a stream consists of that ends with this result.
fn chunk(form: StreamForm, output: TypeInfo) -> Value {
    match form {
        StreamForm::Text { .. } => json!({"type": "string"}),
        StreamForm::Partial => partial((output.document)()),
    }
}

/// The schema of what is known so far: the same types, but nothing is required yet, and no limit holds.
fn partial(schema: &Value) -> Value {
    let Some(members) = schema.as_object() else { return schema.clone() };
    let kept = members.iter().filter_map(|(keyword, value)| {
        let value = match (keyword.as_str(), value) {
            ("type" | "description", value) => value.clone(),
            ("items", value) => partial(value),
            ("properties", Value::Object(named)) => {
                named.iter().map(|(name, schema)| (name.clone(), partial(schema))).collect()
            }
            ("anyOf" | "oneOf" | "prefixItems", Value::Array(options)) => {
                options.iter().map(partial).collect()
            }
            _ => return None,
        };
        Some((keyword.clone(), value))
    });
    Value::Object(kept.collect())
}

/// A reference to a schema that has a name.
pub(super) fn named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A stream of events, whose data is one of these documents.
///
/// To OpenAPI 3.1 a stream is a text: of an object, generated clients would try to read the whole stream as one. The
/// events have a schema in 3.2, `itemSchema`, which stands here under a name that 3.1 lets pass.
fn stream(documents: &Value) -> Value {
    json!({
        "schema": {"type": "string"},
        "x-itemSchema": {
            "type": "object",
            "properties": {"data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"oneOf": documents},
            }},
            "required": ["data"],
        },
    })
}

/// An object with this member.
fn one(member: &str, schema: &Value) -> Value {
    json!({"type": "object", "properties": {member: schema}, "required": [member]})
}

fn health() -> Value {
    json!({"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]})
}

fn ready() -> Value {
    json!({
        "type": "object",
        "properties": {
            "status": {"enum": ["ok", "unavailable"]},
            "checks": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["status", "checks"],
    })
}

fn problem() -> Value {
    let text = json!({"type": "string"});
    json!({
        "description": "A problem document (RFC 9457).",
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri"}, "title": text, "status": {"type": "integer"},
            "detail": text, "request_id": text, "errors": violations("pointer", "detail"),
            "retry_after": {"type": "integer", "description": "Seconds."},
        },
        "required": ["type", "title", "status", "detail", "request_id"],
    })
}

fn genkit_error() -> Value {
    let text = json!({"type": "string"});
    json!({
        "description": "An error in the Genkit client protocol.",
        "type": "object",
        "properties": {
            "status": text, "message": text,
            "details": {"type": "object", "properties": {"errors": violations("path", "message")}},
        },
        "required": ["status", "message"],
    })
}

fn violations(at: &str, what: &str) -> Value {
    let text = json!({"type": "string"});
    json!({"type": "array", "items": {
        "type": "object", "properties": {at: text, what: text}, "required": [at, what],
    }})
}
