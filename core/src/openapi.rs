//! The OpenAPI document: what each framework's own generator says of the routes, completed by what is the
//! same for all of them.
//!
//! utoipa and poem-openapi each see the handlers' attributes: paths, operation ids, summaries, input and
//! output types. Schemas, errors and the flows called by name come from core, so the three documents agree.

use serde_json::{Map, Value, json};

use crate::error::ErrorKind;
use crate::schema::{self, JokeResponse, StoryResponse, Streamed};
use crate::service::{FLOWS, FlowInfo};

/// The media type of problem documents.
const PROBLEM: &str = "application/problem+json";

/// How each kind of operation can fail.
const FLOW_ERRORS: &[u16] = &[400, 401, 413, 415, 422, 429, 500, 502, 503, 504];
const GENKIT_ERRORS: &[u16] = &[400, 401, 413, 415, 422, 429, 500, 502, 503, 504];

/// The streaming routes, and the member of their last frame that repeats the whole text.
const STREAMS: &[(&str, &str)] =
    &[("/tell-joke/stream", JokeResponse::MEMBER), ("/tell-story/stream", StoryResponse::MEMBER)];

/// Completes the document a framework's generator made.
pub fn complete(generated: &Value) -> Value {
    let mut paths = Map::new();
    for (path, item) in generated["paths"].as_object().into_iter().flatten() {
        if path == "/flows/{flow}" {
            let by_name =
                |flow: &FlowInfo| (format!("/flows/{}", flow.name), json!({"post": flow_by_name(flow)}));
            paths.extend(FLOWS.iter().map(by_name));
            continue;
        }
        let operations = item.as_object().into_iter().flatten();
        let operations: Map<String, Value> = operations
            .filter(|(method, _)| ["get", "post"].contains(&method.as_str()))
            .map(|(method, operation)| (method.clone(), described(path, method, operation)))
            .collect();
        paths.insert(path.clone(), Value::Object(operations));
    }
    paths.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "genkit-endpoints",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "AI flows as network endpoints.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "flows", "description": "AI flows, one route each."},
            {"name": "genkit", "description": "The same flows by name, in the Genkit client protocol."},
            {"name": "probes", "description": "Whether the server lives and takes work."},
        ],
        // The empty alternative says that a server without API keys lets everyone in.
        "security": [{}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(),
            "responses": responses(),
        },
    })
}

/// A route's operation: the generator's words and types, in one order, with all its errors.
fn described(path: &str, method: &str, operation: &Value) -> Value {
    let probe = method == "get";
    let mut described = json!({
        "tags": [if probe { "probes" } else { "flows" }],
        "operationId": operation["operationId"],
        "summary": operation["summary"],
    });
    if let Some(input) = reference(&operation["requestBody"]["content"]["application/json"]["schema"]) {
        described["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": input}}});
    }
    let ok = &operation["responses"]["200"]["content"];
    let ok = match STREAMS.iter().find(|it| it.0 == path) {
        Some((_, member)) => json!({"text/event-stream": {"schema": rest_events(member)}}),
        None => json!({"application/json": {"schema": reference(&ok["application/json"]["schema"])}}),
    };
    described["responses"] = json!({"200": {"description": "The result.", "content": ok}});
    if probe {
        described["security"] = json!([]);
        if path.starts_with("/ready") {
            described["responses"]["503"] = json!({
                "description": "No work may be routed here.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ready"}}},
            });
        }
    } else {
        add_errors(&mut described, FLOW_ERRORS, "Problem");
    }
    described
}

/// A flow in the Genkit client protocol. The routes match `/flows/{flow}`; each flow has its own types.
fn flow_by_name(flow: &FlowInfo) -> Value {
    let mut operation = json!({
        "tags": ["genkit"],
        "operationId": format!("flow_{}", flow.name),
        "summary": format!("{} With Accept: text/event-stream, as a stream.", flow.description),
        "requestBody": {"required": true, "content": {"application/json": {"schema": {
            "type": "object",
            // Some of the official clients send null where there is no input.
            "properties": {"data": {"anyOf": [(flow.input)(), {"type": "null"}]}},
        }}}},
        "responses": {"200": {"description": "The result.", "content": {
            "application/json": {"schema": {
                "type": "object",
                "properties": {"result": (flow.output)()},
                "required": ["result"],
            }},
            "text/event-stream": {"schema": event(&json!([
                one("message", &json!({"type": "string"})),
                one("result", (flow.output)()),
                one("error", &json!({"$ref": "#/components/schemas/GenkitError"})),
            ]))},
        }}},
    });
    add_errors(&mut operation, GENKIT_ERRORS, "GenkitError");
    operation
}

/// The events of a REST stream: chunks, then one that is the last.
fn rest_events(member: &str) -> Value {
    let done = json!({
        "type": "object",
        "properties": {"done": {"const": true}, member: {"type": "string"}},
        "required": ["done", member],
    });
    let error = one("error", &json!({"$ref": "#/components/schemas/Problem"}));
    event(&json!([one("chunk", &json!({"type": "string"})), done, error]))
}

/// One event, whose data is one of these documents. OpenAPI 3.1 has the schema of a stream describe each.
fn event(documents: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {"data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"oneOf": documents},
        }},
        "required": ["data"],
    })
}

/// An object with this member.
fn one(member: &str, schema: &Value) -> Value {
    json!({"type": "object", "properties": {member: schema}, "required": [member]})
}

fn add_errors(operation: &mut Value, statuses: &[u16], name: &str) {
    for status in statuses {
        operation["responses"][status.to_string()] =
            json!({"$ref": format!("#/components/responses/{name}{status}")});
    }
}

/// The type a generator names, as a reference into our own schemas.
fn reference(schema: &Value) -> Option<Value> {
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    Some(json!({"$ref": format!("#/components/schemas/{name}")}))
}

fn schemas() -> Map<String, Value> {
    let mut schemas: Map<String, Value> =
        schema::all().into_iter().map(|(name, schema)| (name.to_owned(), schema.clone())).collect();
    let text = json!({"type": "string"});
    schemas.insert(
        "Health".into(),
        json!({
            "type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"],
        }),
    );
    schemas.insert(
        "Ready".into(),
        json!({
            "type": "object",
            "properties": {
                "status": {"enum": ["ok", "unavailable"]},
                "checks": {"type": "object", "additionalProperties": text},
            },
            "required": ["status", "checks"],
        }),
    );
    let violations = |at: &str, what: &str| {
        json!({"type": "array", "items": {
            "type": "object", "properties": {at: text, what: text}, "required": [at, what],
        }})
    };
    schemas.insert(
        "Problem".into(),
        json!({
            "description": "A problem document (RFC 9457).",
            "type": "object",
            "properties": {
                "type": {"type": "string", "format": "uri"}, "title": text, "status": {"type": "integer"},
                "detail": text, "request_id": text, "errors": violations("pointer", "detail"),
                "retry_after": {"type": "integer", "description": "Seconds."},
            },
            "required": ["type", "title", "status", "detail", "request_id"],
        }),
    );
    schemas.insert(
        "GenkitError".into(),
        json!({
            "description": "An error in the Genkit client protocol.",
            "type": "object",
            "properties": {
                "status": text, "message": text,
                "details": {"type": "object", "properties": {"errors": violations("path", "message")}},
            },
            "required": ["status", "message"],
        }),
    );
    schemas
}

fn responses() -> Map<String, Value> {
    let mut responses = Map::new();
    for status in FLOW_ERRORS {
        let titles: Vec<_> = ErrorKind::ALL
            .map(ErrorKind::row)
            .iter()
            .filter(|it| it.http == *status)
            .map(|it| it.title)
            .collect();
        let description = format!("{}.", titles.join("; "));
        for (name, media_type) in [("Problem", PROBLEM), ("GenkitError", "application/json")] {
            let schema = json!({"$ref": format!("#/components/schemas/{name}")});
            responses.insert(
                format!("{name}{status}"),
                json!({"description": description, "content": {media_type: {"schema": schema}}}),
            );
        }
    }
    responses
}
