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

#[test]
fn every_route_has_its_curl_in_the_readme() {
    let readme = read("README.md");
    let flows = api::FLOWS.iter().flat_map(|it| [&it.unary, &it.streamed]).flatten();
    for path in flows.map(|it| it.route).chain(["/health", "/ready"]) {
        let called = |end: &str| readme.contains(&format!("localhost:8080{path}{end}"));
        assert!(called(" ") || called("\n"), "{path}");
    }
    assert!(readme.contains("localhost:8080/flows/"));
}

#[test]
fn the_main_program_stays_short() {
    assert!(read("src/main.rs").lines().count() <= 60);
}
