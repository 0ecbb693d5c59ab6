//! The `openapi` command.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use genkit_endpoints::adapters;
use harness::Process;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_genkit-endpoints");

/// The program with these arguments and no environment: no model's key, no `.env`.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_clear().current_dir(std::env::temp_dir());
    command
}

fn text(output: &Output) -> (Option<i32>, &str, &str) {
    let utf8 = |bytes| std::str::from_utf8(bytes).unwrap();
    (output.status.code(), utf8(&output.stdout), utf8(&output.stderr))
}

#[tokio::test]
async fn it_prints_what_the_server_answers() {
    for name in adapters::names() {
        let output = program(&["--framework", name, "openapi"]).output().unwrap();
        let (code, printed, complaints) = text(&output);
        // Not even a warning that there is no key.
        assert_eq!((code, complaints), (Some(0), ""), "{name}");
        let server = Process::start(Path::new(PROGRAM), &["--framework", name], &[("DEBUG", "true")]);
        let answer = reqwest::get(format!("http://{}/openapi.json", server.address)).await.unwrap();
        assert_eq!(printed.trim_end(), answer.text().await.unwrap(), "{name}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure_and_a_full_disk_is() {
    let mut child = program(&["openapi"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    // Its end of the pipe closes with the reader; the document is larger than a pipe.
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "{\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output), (Some(0), "", ""));

    if let Ok(full) = OpenOptions::new().write(true).open("/dev/full") {
        let output = program(&["openapi"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let (code, _, complaint) = text(&output);
        assert_eq!(code, Some(1));
        assert!(complaint.starts_with("error: stdout: "), "{complaint}");
    }
}

#[test]
fn a_wrong_setting_is_named_and_help_says_what_it_does() {
    for (arguments, fault) in
        [(vec!["--framework", "gopher", "openapi"], "gopher"), (vec!["openapi", "--nope"], "--nope")]
    {
        let output = program(&arguments).output().unwrap();
        let (code, printed, complaint) = text(&output);
        assert_eq!((code, printed), (Some(64), ""), "{arguments:?}");
        assert!(complaint.contains(fault), "{complaint}");
    }
    let output = program(&["openapi", "--help"]).output().unwrap();
    let (code, help, _) = text(&output);
    assert_eq!(code, Some(0));
    assert!(help.contains("Prints the OpenAPI document"), "{help}");
}

#[test]
fn its_document_is_json_whose_references_lead_somewhere() {
    let output = program(&["openapi"]).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let printed = text(&output).1;
    let references = printed.split('"').filter_map(|it| it.strip_prefix('#'));
    let (found, missing): (Vec<_>, Vec<_>) = references.partition(|it| document.pointer(it).is_some());
    assert!(!found.is_empty() && missing.is_empty(), "{missing:?}");
}
