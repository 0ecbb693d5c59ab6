//! What the documents say, held against the code.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::fs;
use std::path::Path;

use genkit_endpoints::config::settings_markdown;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_settings_table_of_the_readme_is_the_one_of_the_code() {
    let readme = read("README.md");
    let (before, rest) = readme.split_once("<!-- settings:begin -->\n").expect("the README has the markers");
    let (table, after) = rest.split_once("<!-- settings:end -->").expect("the README has the markers");
    let wanted = settings_markdown();
    if table.trim() != wanted.trim() {
        let wanted = wanted.trim();
        let mended = format!("{before}<!-- settings:begin -->\n{wanted}\n<!-- settings:end -->{after}");
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), mended).unwrap();
        panic!("the table was out of date and has been rewritten; look at it and commit it");
    }
}

#[test]
fn every_route_has_its_curl_in_the_readme() {
    let readme = read("README.md");
    for path in [
        "/tell-joke",
        "/tell-joke/stream",
        "/tell-story/stream",
        "/translate",
        "/describe-image",
        "/generate-character",
        "/chat",
        "/generate-code",
        "/review-code",
        "/flows/tell_joke",
        "/health",
        "/ready",
    ] {
        assert!(
            readme.contains(&format!("localhost:8080{path} "))
                || readme.contains(&format!("localhost:8080{path}\n")),
            "{path}"
        );
    }
}

#[test]
fn the_main_program_stays_short() {
    assert!(read("src/main.rs").lines().count() <= 60);
}
