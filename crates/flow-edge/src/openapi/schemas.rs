//! The schemas: the flows' types, errors, probes, events.

use serde_json::{Map, Value, json};

use crate::flow::FlowInfo;
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
pub(super) fn rest_stream(member: &str) -> Value {
    let done = json!({
        "type": "object",
        "properties": {"done": {"const": true}, member: {"type": "string"}},
        "required": ["done", member],
    });
    stream(&json!([one("chunk", &json!({"type": "string"})), done, one("error", &named("Problem"))]))
}

/// The content of a stream in the Genkit client protocol: messages, then one frame that is the last.
pub(super) fn genkit_stream(output: TypeInfo) -> Value {
    stream(&json!([
        one("message", &json!({"type": "string"})),
        one("result", &named(output.name)),
        one("error", &named("GenkitError")),
    ]))
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
