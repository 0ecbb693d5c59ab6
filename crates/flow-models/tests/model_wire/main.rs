//! What real model servers send, played as cases from JSON files.
//!
//! `MODEL_WIRE_DIR` names a folder of cases for the whole program; it is built and started for them. Without it the
//! cases beside this file are played to a runtime and the models.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod between;
mod case;
mod fake;
mod library;
mod program;

use std::path::Path;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_model_servers_send_is_taken_as_it_is_meant() {
    #[expect(clippy::disallowed_methods, reason = "who runs the test says where the cases are")]
    let folder = std::env::var_os("MODEL_WIRE_DIR");
    let failures = match folder {
        // Cargo runs tests in the folder of their package, but who names a folder stands in that of the workspace.
        Some(folder) => program::play(case::read(&program::workspace().join(&folder))).await,
        None => {
            library::play(case::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model_wire/cases")))
                .await
        }
    };
    for failure in &failures.told {
        println!("{failure}");
    }
    println!("{} passed, {} failed", failures.passed, failures.told.len());
    assert!(failures.told.is_empty(), "{} cases failed", failures.told.len());
    assert!(failures.passed > 0, "there are no cases");
}
