//! The errors of flows' operations: one response for each status, with one example for each row that has it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::examples::Examples;
use crate::context::Dialect;
use crate::error::ErrorKind;

/// Every response, by the name that operations refer to.
pub(super) fn responses(examples: &Examples) -> Map<String, Value> {
    let mut responses = Map::new();
    for dialect in [Dialect::Rest, Dialect::Genkit] {
        for (status, kinds) in by_status(dialect) {
            let titles: Vec<_> = kinds.iter().map(|it| it.row().title).collect();
            let mut content =
                json!({"schema": {"$ref": format!("#/components/schemas/{}", schema(dialect))}});
            for kind in &kinds {
                let (slug, title) = (kind.row().slug, kind.row().title);
                content["examples"][slug] =
                    json!({"summary": title, "value": examples.error(*kind, dialect)});
            }
            let response = json!({
                "description": format!("{}.", titles.join("; ")),
                "content": {media_type(dialect): content},
            });
            responses.insert(name(dialect, status), response);
        }
    }
    responses
}

/// Refers an operation to every error it may answer with.
pub(super) fn add_errors(operation: &mut Value, dialect: Dialect) {
    for status in by_status(dialect).into_keys() {
        operation["responses"][status.to_string()] =
            json!({"$ref": format!("#/components/responses/{}", name(dialect, status))});
    }
}

/// The rows that a flow's own operation can end with, by their status.
fn by_status(dialect: Dialect) -> BTreeMap<u16, Vec<ErrorKind>> {
    let mut statuses = BTreeMap::<_, Vec<_>>::new();
    for kind in ErrorKind::ALL {
        let status = match (kind, dialect) {
            // What is described is there.
            (ErrorKind::NotFound | ErrorKind::MethodNotAllowed, _) => continue,
            (_, Dialect::Rest) => kind.row().http,
            (_, Dialect::Genkit) => kind.row().genkit_http,
        };
        statuses.entry(status).or_default().push(kind);
    }
    statuses
}

fn name(dialect: Dialect, status: u16) -> String {
    format!("{}{status}", schema(dialect))
}

fn schema(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Rest => "Problem",
        Dialect::Genkit => "GenkitError",
    }
}

fn media_type(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Rest => "application/problem+json",
        Dialect::Genkit => "application/json",
    }
}
