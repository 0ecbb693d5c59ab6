//! The OpenAPI document: what each framework's own generator says of the routes, completed by what is the
//! same for all of them.
//!
//! The frameworks see the handlers' attributes: paths, input and output types. Summaries, schemas,
//! errors and the flows called by name come from the table of flows, so the documents agree.

use serde_json::{Map, Value, json};

use crate::edge::ApiInfo;
use crate::error::ErrorKind;
use crate::flow::{FlowInfo, OperationInfo};

/// The media type of problem documents.
const PROBLEM: &str = "application/problem+json";

/// How each kind of operation can fail.
const FLOW_ERRORS: &[u16] = &[400, 401, 413, 415, 422, 429, 500, 502, 503, 504];
const GENKIT_ERRORS: &[u16] = &[400, 401, 413, 415, 422, 429, 500, 502, 503, 504];

/// Completes the document a framework's generator made.
pub fn complete(generated: &Value, table: &[FlowInfo], name: &str, api: &ApiInfo) -> Value {
    let mut paths = Map::new();
    for (path, item) in generated["paths"].as_object().into_iter().flatten() {
        let operations = item.as_object().into_iter().flatten();
        let operations: Map<String, Value> = operations
            .filter(|(method, _)| ["get", "post"].contains(&method.as_str()))
            .map(|(method, operation)| (method.clone(), described(table, path, operation)))
            .collect();
        paths.insert(path.clone(), Value::Object(operations));
    }
    let by_name = |flow: &FlowInfo| (format!("/flows/{}", flow.name), json!({"post": flow_by_name(flow)}));
    paths.extend(table.iter().map(by_name));
    paths.insert("/health".into(), json!({"get": probe("health", "Tells whether the process is alive.")}));
    paths.insert("/ready".into(), json!({"get": ready_probe()}));
    paths.sort_keys();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": api.version,
            "summary": api.summary,
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
            "schemas": schemas(table),
            "responses": responses(),
        },
    });
    if let Some(license) = &api.license {
        document["info"]["license"] = json!({"name": license, "identifier": license});
    }
    document
}

/// A route's operation: the generator's words and types, in one order, with all its errors.
fn described(table: &[FlowInfo], path: &str, operation: &Value) -> Value {
    let known = find(table, path);
    let mut described = json!({
        "tags": ["flows"],
        "operationId": known.map_or_else(|| operation["operationId"].clone(), |it| it.1.id().into()),
        "summary": known.map_or_else(|| operation["summary"].clone(), |it| it.1.summary.into()),
    });
    if let Some(input) = reference(&operation["requestBody"]["content"]["application/json"]["schema"]) {
        described["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": input}}});
    }
    let ok = &operation["responses"]["200"]["content"];
    let ok = match known {
        Some((flow, _)) if flow.streamed.is_some_and(|it| it.route == path) => {
            json!({"text/event-stream": {"schema": rest_events(flow.streamed_member)}})
        }
        _ => json!({"application/json": {"schema": reference(&ok["application/json"]["schema"])}}),
    };
    described["responses"] = json!({"200": {"description": "The result.", "content": ok}});
    add_errors(&mut described, FLOW_ERRORS, "Problem");
    described
}

/// A probe's operation.
fn probe(name: &str, summary: &str) -> Value {
    let schema = format!("#/components/schemas/{}{}", name[..1].to_uppercase(), &name[1..]);
    json!({
        "tags": ["probes"],
        "operationId": name,
        "summary": summary,
        "responses": {"200": {
            "description": "The result.",
            "content": {"application/json": {"schema": {"$ref": schema}}},
        }},
        "security": [],
    })
}

fn ready_probe() -> Value {
    let mut operation = probe("ready", "Tells whether work may be routed here.");
    operation["responses"]["503"] = json!({
        "description": "No work may be routed here.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ready"}}},
    });
    operation
}

/// The flow and the operation of this route.
fn find<'a>(table: &'a [FlowInfo], path: &str) -> Option<(&'a FlowInfo, OperationInfo)> {
    table.iter().find_map(|flow| {
        let mut operations = flow.unary.into_iter().chain(flow.streamed);
        operations.find(|it| it.route == path).map(|it| (flow, it))
    })
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
            "properties": {"data": {"anyOf": [(flow.input.document)(), {"type": "null"}]}},
        }}}},
        "responses": {"200": {"description": "The result.", "content": {
            "application/json": {"schema": {
                "type": "object",
                "properties": {"result": (flow.output.document)()},
                "required": ["result"],
            }},
            "text/event-stream": {"schema": event(&json!([
                one("message", &json!({"type": "string"})),
                one("result", (flow.output.document)()),
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

fn schemas(table: &[FlowInfo]) -> Map<String, Value> {
    let types = table.iter().flat_map(|it| [it.input, it.output]);
    let mut schemas: Map<String, Value> =
        types.map(|it| (it.name.to_owned(), (it.document)().clone())).collect();
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
