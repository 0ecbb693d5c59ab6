//! The OpenAPI documents of all compiled adapters: the same, true, and complete.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

#[path = "contract/server.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod server;

use std::collections::BTreeSet;

use api::FLOWS;
use flow_listener::ServerKind;
use genkit_endpoints::adapters::COMPILED_IN;
use serde_json::{Value, json};
use server::Server;

/// The document of every compiled adapter, and a server to hold it against.
async fn documents() -> Vec<(&'static str, Server, Value)> {
    let environment = ["DEBUG", "MODEL", "WEB_CONCURRENCY", "RATE_LIMIT_DEFAULT"]
        .into_iter()
        .zip(["true", "demo", "1", "1000000/second"].map(str::to_owned))
        .collect::<Vec<_>>();
    let mut documents = Vec::new();
    for adapter in COMPILED_IN {
        let server = Server::start(*adapter, ServerKind::Native, &environment).await;
        let document = reqwest::get(format!("http://{}/openapi.json", server.address)).await.unwrap();
        documents.push((adapter.name, server, document.json().await.unwrap()));
    }
    documents
}

/// Path, method and operation of every operation of a document.
fn operations(document: &Value) -> Vec<(&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(method, it)| (path, method, it)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_frameworks_describe_the_same_operations_and_schemas() {
    let documents = documents().await;
    let (first_name, _, first) = &documents[0];
    for (name, _, document) in &documents[1..] {
        assert_eq!(first, document, "{first_name} and {name}");
    }
    // Nothing is described that no generator saw, and every schema that is described is used.
    let by_route_and_by_name = 2 * FLOWS.len();
    let (joke_stream, probes) = (1, 2);
    assert_eq!(operations(first).len(), by_route_and_by_name + joke_stream + probes);
    for schema in first["components"]["schemas"].as_object().unwrap().keys() {
        let used = first.to_string().contains(&format!("#/components/schemas/{schema}\""));
        // tell_story answers by stream alone; its result is seen only by name, where it stands in place.
        assert!(used || schema == "StoryResponse", "{schema} is described but not used");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_as_it_is_described() {
    for (name, server, document) in documents().await {
        for (path, method, operation) in operations(&document) {
            let url = format!("http://{}{path}", server.address);
            let client = reqwest::Client::new();
            let request = if method == "get" { client.get(url) } else { client.post(url).json(&json!({})) };
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200, "{name}: {method} {path}");
            let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
            let described = &operation["responses"]["200"]["content"][&media_type]["schema"];
            assert!(described.is_object(), "{name}: {method} {path} answers with {media_type}");
            if media_type == "application/json" {
                let body: Value = response.json().await.unwrap();
                // The reference points into the document, so the validator gets all of it.
                let schema = json!({"allOf": [described], "components": document["components"]});
                let validator = jsonschema::draft202012::new(&schema).unwrap();
                assert!(validator.is_valid(&body), "{name}: {path} answers {body}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flow_has_a_route_and_a_name() {
    for (name, _, document) in documents().await {
        let described: BTreeSet<_> = operations(&document).into_iter().map(|it| it.0.as_str()).collect();
        let by_name: Vec<_> = FLOWS.iter().map(|it| format!("/flows/{}", it.name)).collect();
        let wanted: BTreeSet<_> = FLOWS
            .iter()
            .flat_map(|it| it.unary.into_iter().chain(it.streamed))
            .map(|it| it.route)
            .chain(by_name.iter().map(String::as_str))
            .chain(["/health", "/ready"])
            .collect();
        assert_eq!(described, wanted, "{name}");
    }
}
