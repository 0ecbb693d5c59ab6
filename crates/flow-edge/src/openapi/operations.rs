//! The operations: flows by their routes, flows by name, probes.

use serde_json::{Value, json};

use super::errors::add_errors;
use super::examples::{self, Examples};
use super::schemas::{genkit_stream, named, rest_stream};
use crate::context::Dialect;
use crate::flow::{FlowInfo, OperationInfo, StreamForm};
use crate::schema::TypeInfo;

/// A route's operation: the types its handler has, and what the table says of its flow.
pub(super) fn of_route(generated: &Value, path: &str, table: &[FlowInfo], examples: &Examples) -> Value {
    let known = find(table, path);
    let mut operation = json!({
        "tags": ["flows"],
        "operationId": known.map_or_else(|| generated["operationId"].clone(), |it| it.1.id().into()),
        "summary": known.map_or_else(|| generated["summary"].clone(), |it| title(it.1.summary).into()),
    });
    if let Some(input) = reference(&generated["requestBody"]["content"]["application/json"]["schema"]) {
        let mut content = json!({"schema": input});
        if let Some((flow, _)) = known {
            content["example"] = examples::input(flow);
        }
        operation["requestBody"] = json!({"required": true, "content": {"application/json": content}});
    }
    let output = &generated["responses"]["200"]["content"]["application/json"]["schema"];
    let ok = match known {
        Some((flow, _)) if flow.streamed.is_some_and(|it| it.route == path) => json!({
            "description": format!("{} {}", description(flow.output), how_it_comes(flow.form)),
            "content": {"text/event-stream":
                with_examples(rest_stream(flow), examples.rest_stream(flow))},
        }),
        Some((flow, _)) => json!({
            "description": description(flow.output),
            "content": {"application/json": {
                "schema": reference(output),
                "example": examples::output(flow),
            }},
        }),
        None => json!({
            "description": "The result.",
            "content": {"application/json": {"schema": reference(output)}},
        }),
    };
    operation["responses"] = json!({"200": ok});
    add_errors(&mut operation, Dialect::Rest);
    operation
}

/// A flow in the Genkit client protocol. The routes match `/flows/{flow}`; each flow has its own types.
pub(super) fn by_name(flow: &FlowInfo, examples: &Examples) -> Value {
    let mut operation = json!({
        "tags": ["genkit"],
        "operationId": format!("flow_{}", flow.name),
        "summary": title(flow.summary()),
        "description": "With `Accept: text/event-stream` it answers with a stream.",
        "requestBody": {"required": true, "content": {"application/json": {
            "schema": {
                "type": "object",
                // Some of the official clients send null where there is no input.
                "properties": {"data": {"anyOf": [named(flow.input.name), {"type": "null"}]}},
            },
            "example": {"data": examples::input(flow)},
        }}},
        "responses": {"200": {"description": description(flow.output), "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"result": named(flow.output.name)},
                    "required": ["result"],
                },
                "example": {"result": examples::output(flow)},
            },
            "text/event-stream": with_examples(genkit_stream(flow), examples.genkit_stream(flow)),
        }}},
    });
    add_errors(&mut operation, Dialect::Genkit);
    operation
}

/// Whether the process is alive.
pub(super) fn health() -> Value {
    probe(
        "health",
        "Tells whether the process is alive",
        &json!({
            "200": probe_answer("The process is alive.", "Health", examples::health()),
        }),
    )
}

/// Whether the server takes work.
pub(super) fn ready() -> Value {
    probe(
        "ready",
        "Tells whether work may be routed here",
        &json!({
            "200": probe_answer("Work may be routed here.", "Ready", examples::ready(false)),
            "503": probe_answer("No work may be routed here.", "Ready", examples::ready(true)),
        }),
    )
}

fn probe(name: &str, summary: &str, responses: &Value) -> Value {
    json!({
        "tags": ["probes"],
        "operationId": name,
        "summary": summary,
        "responses": responses,
        "security": [],
    })
}

fn probe_answer(description: &str, schema: &str, example: Value) -> Value {
    json!({
        "description": description,
        "content": {"application/json": {"schema": named(schema), "example": example}},
    })
}

fn with_examples(mut content: Value, examples: Value) -> Value {
    content["examples"] = examples;
    content
}

/// The flow and the operation of this route.
fn find<'a>(table: &'a [FlowInfo], path: &str) -> Option<(&'a FlowInfo, OperationInfo)> {
    table.iter().find_map(|flow| {
        let mut operations = flow.unary.into_iter().chain(flow.streamed);
        operations.find(|it| it.route == path).map(|it| (flow, it))
    })
}

/// A sentence as a title. In lists of operations a full stop is cut off, or alone on a line.
fn title(sentence: &str) -> &str {
    sentence.trim_end_matches('.')
}

fn how_it_comes(form: Option<StreamForm>) -> &'static str {
    match form {
        Some(StreamForm::Partial) => {
            "It comes as it is written: each `partial` is all that is known so far, and replaces the one before."
        }
        Some(StreamForm::Text { .. }) | None => "It comes as it is written, chunk by chunk.",
    }
}

/// What a type says of itself.
fn description(of: TypeInfo) -> &'static str {
    (of.document)()["description"].as_str().unwrap_or("The result.")
}

/// The type a generator names, as a reference into our own schemas.
fn reference(schema: &Value) -> Option<Value> {
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    Some(named(name))
}
