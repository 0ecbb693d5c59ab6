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
fn the_settings_tables_are_those_of_the_code() {
    let page = "docs/configuration.md";
    let tables = format!("<!-- settings:begin -->\n{}\n<!-- settings:end -->", settings_markdown());
    assert!(read(page).contains(&tables), "{page}: {MEND}");
}

#[test]
fn the_example_of_a_dotenv_file_is_the_one_of_the_code() {
    assert!(read(".example.env") == example_env(), ".example.env: {MEND}");
}

/// Pages with calls of the flows.
const PAGES: [&str; 2] = ["README.md", "docs/endpoints.md"];

/// Paths that are no flow's route.
const OTHERS: [&str; 3] = ["/health", "/ready", "/openapi.json"];

#[test]
fn every_call_in_the_documents_is_of_a_route_that_exists() {
    let routes = api::FLOWS.iter().flat_map(|it| it.unary.iter().chain(&it.streamed)).map(|it| it.route);
    let routes: Vec<_> = routes.chain(OTHERS).collect();
    let names: Vec<_> = api::FLOWS.iter().map(|it| format!("/flows/{}", it.name)).collect();
    for page in PAGES {
        for call in read(page).split("curl ").skip(1) {
            let Some((_, url)) = call.lines().next().unwrap().split_once("localhost:8080/") else { continue };
            let path = format!("/{}", url.split([' ', '?', '`', '\'', '"']).next().unwrap());
            let is_flow = routes.contains(&&*path) || names.contains(&path);
            assert!(is_flow, "{page} calls {path}, which api/src/lib.rs does not have");
        }
    }
}

// eject: workshop
#[test]
fn the_page_of_endpoints_lists_and_calls_every_route() {
    let page = read("docs/endpoints.md");
    for flow in api::FLOWS {
        for operation in flow.unary.iter().chain(&flow.streamed) {
            let row = format!("`POST {}`", operation.route);
            assert!(page.contains(&row), "docs/endpoints.md has no row of {}: {row}", flow.name);
            let call = format!("localhost:8080{}", operation.route);
            let is_called = page.contains(&format!("{call} ")) || page.contains(&format!("{call}\n"));
            assert!(is_called, "docs/endpoints.md has no call of {}: {call}", flow.name);
        }
    }
    for path in ["/health", "/ready"] {
        assert!(page.contains(&format!("localhost:8080{path}")), "{path}");
    }
    assert!(page.contains("localhost:8080/flows/"), "a flow by its name");
}

#[test]
fn the_readme_stays_short() {
    assert!(read("README.md").lines().count() <= 80);
}
// eject: end

#[test]
fn the_main_program_stays_short() {
    assert!(read("src/main.rs").lines().count() <= 60);
}
