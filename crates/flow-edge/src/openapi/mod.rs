//! The OpenAPI document: what each framework's own generator says of the routes, completed by what is the
//! same for all of them.
//!
//! The frameworks see the handlers' attributes: paths, input and output types. Summaries, schemas,
//! errors, examples and the flows called by name come from the table of flows, so the documents agree.

mod errors;
mod examples;
mod operations;
mod schemas;

use serde_json::{Map, Value, json};

use crate::edge::Edge;
use crate::flow::FlowInfo;
use examples::Examples;

/// Completes the document a framework's generator made.
pub fn complete(generated: &Value, table: &[FlowInfo], edge: &Edge) -> Value {
    let examples = Examples::new(edge);
    let mut paths = Map::new();
    for (path, item) in generated["paths"].as_object().into_iter().flatten() {
        let operations = item.as_object().into_iter().flatten();
        let operations: Map<String, Value> = operations
            .filter(|(method, _)| ["get", "post"].contains(&method.as_str()))
            .map(|(method, generated)| {
                (method.clone(), operations::of_route(generated, path, table, &examples))
            })
            .collect();
        paths.insert(path.clone(), Value::Object(operations));
    }
    for flow in table {
        let operation = operations::by_name(flow, &examples);
        paths.insert(format!("/flows/{}", flow.name), json!({"post": operation}));
    }
    paths.insert("/health".into(), json!({"get": operations::health()}));
    paths.insert("/ready".into(), json!({"get": operations::ready()}));
    paths.sort_keys();
    let api = edge.api();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": edge.name(),
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
            "schemas": schemas::all(table),
            "responses": errors::responses(&examples),
        },
    });
    if let Some(license) = &api.license {
        document["info"]["license"] = json!({"name": license, "identifier": license});
    }
    document
}

#[cfg(test)]
mod tests;
