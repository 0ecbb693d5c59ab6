//! Every flow of `api` on every compiled framework: routed, named, described, and answering as it is described.

#![allow(missing_docs, reason = "a test")]

use std::path::Path;

use api::FLOWS;
use flow_checks::{Served, assert_the_same_documents, serve};
use genkit_endpoints::adapters;

async fn program() -> Vec<Served> {
    serve(Path::new(env!("CARGO_BIN_EXE_genkit-endpoints")), &adapters::names(), FLOWS).await
}

#[tokio::test]
async fn every_flow_has_its_routes_and_every_route_is_a_flow_s() {
    program().await.iter().for_each(Served::assert_routes);
}

#[tokio::test]
async fn every_flow_answers_by_its_route_and_by_its_name_as_it_is_described() {
    for framework in program().await {
        framework.assert_answers().await;
    }
}

#[tokio::test]
async fn all_frameworks_describe_the_same() {
    assert_the_same_documents(&program().await);
}
