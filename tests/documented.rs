//! What the documents say, held against the code.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::fs;
use std::path::Path;

use genkit_endpoints::settings::{example_env, settings_markdown};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Rewrites both documents of settings.
const MEND: &str =
    "the code has other settings than this document; mend it: cargo run --example settings_docs";

#[test]
fn the_settings_table_of_the_readme_is_the_one_of_the_code() {
    let table = format!("<!-- settings:begin -->\n{}\n<!-- settings:end -->", settings_markdown());
    assert!(read("README.md").contains(&table), "README.md: {MEND}");
}

#[test]
fn the_example_of_a_dotenv_file_is_the_one_of_the_code() {
    assert!(read(".example.env") == example_env(), ".example.env: {MEND}");
}

/// Paths that are no flow's route.
const PROBES: [&str; 2] = ["/health", "/ready"];

#[test]
fn every_call_in_the_readme_is_of_a_route_that_exists() {
    let readme = read("README.md");
    let routes = api::FLOWS.iter().flat_map(|it| it.unary.iter().chain(&it.streamed)).map(|it| it.route);
    let routes: Vec<_> = routes.chain(PROBES).collect();
    let names: Vec<_> = api::FLOWS.iter().map(|it| format!("/flows/{}", it.name)).collect();
    for call in readme.split("curl ").skip(1) {
        let Some((_, url)) = call.lines().next().unwrap().split_once("localhost:8080/") else { continue };
        let path = format!("/{}", url.split([' ', '?', '`', '\'', '"']).next().unwrap());
        let is_flow = routes.contains(&&*path) || names.contains(&path);
        assert!(is_flow, "README.md calls {path}, which api/src/lib.rs does not have");
    }
    assert!(readme.contains("localhost:8080/flows/"));
}

// eject: workshop
#[test]
fn the_readme_of_the_template_calls_every_route() {
    let readme = read("README.md");
    for flow in api::FLOWS {
        for operation in flow.unary.iter().chain(&flow.streamed) {
            let call = format!("localhost:8080{}", operation.route);
            let is_called = readme.contains(&format!("{call} ")) || readme.contains(&format!("{call}\n"));
            assert!(is_called, "README.md has no call of {}: {call}", flow.name);
        }
    }
    for path in PROBES {
        assert!(readme.contains(&format!("localhost:8080{path}")), "{path}");
    }
    assert!(readme.contains("localhost:8080/flows/"), "a flow by its name");
}
// eject: end

#[test]
fn the_main_program_stays_short() {
    assert!(read("src/main.rs").lines().count() <= 60);
}
