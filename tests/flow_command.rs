//! The `flow run` command.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::process::{Command, Output};

use api::FLOWS;
use serde_json::Value;

/// Runs a flow with these arguments, on the demo model.
fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_genkit-endpoints"));
    command.args(["flow", "run"]).args(arguments).env_clear().current_dir(std::env::temp_dir());
    command.output().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn every_flow_runs_and_prints_what_its_schema_says() {
    for flow in FLOWS {
        let input = schema_example::example((flow.input.document)()).to_string();
        let output = run(&[flow.name, "--input", &input]);
        assert_eq!((output.status.code(), &*complaint(&output)), (Some(0), ""), "{}", flow.name);
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let schema = jsonschema::validator_for((flow.output.document)()).unwrap();
        assert!(schema.is_valid(&result), "{}: {result}", flow.name);
        if flow.streamed.is_some() {
            let output = run(&[flow.name, "--input", &input, "--stream"]);
            let printed = String::from_utf8(output.stdout).unwrap();
            let (chunks, result) = printed.rsplit_once("\n{\n").unwrap();
            assert!(
                !chunks.is_empty() && serde_json::from_str::<Value>(&format!("{{{result}")).is_ok(),
                "{printed}"
            );
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_an_exit_code() {
    let output = run(&["nobody"]);
    assert_eq!(
        (output.status.code(), &*complaint(&output)),
        (Some(65), "error: There is no flow of this name.\n")
    );
    let first = FLOWS.first().expect("a flow").name;
    for input in ["[]", "{"] {
        let output = run(&[first, "--input", input]);
        assert_eq!(output.status.code(), Some(64), "{}", complaint(&output));
    }
}
