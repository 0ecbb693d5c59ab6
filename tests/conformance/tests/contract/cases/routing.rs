//! Paths and methods.

use super::{Case, bare, get, post};

pub fn cases() -> Vec<Case> {
    vec![
        get("unknown-path", "/nope"),
        get("root", "/"),
        post("path-in-another-case", "/WRITE-NOTE", "{}"),
        post("path-with-a-trailing-slash", "/write-note/", "{}"),
        post("path-with-a-doubled-slash", "//write-note", "{}"),
        post("path-with-a-doubled-slash-inside", "/write-note//stream", "{}"),
        post("path-with-an-escaped-character", "/write%2Dnote", "{}"),
        post("path-with-a-bad-escape", "/write-note%ff", "{}"),
        post("path-with-half-an-escape", "/write-note%z", "{}"),
        post("flow-name-with-an-escape", "/flows/write%5Fnote", "{}"),
        post("flow-without-a-name", "/flows/", "{}"),
        post("flow-with-two-names", "/flows/write_note/stream", "{}"),
        post("query-is-ignored", "/write-note?name=Bob", "{}"),
        get("get-where-post-is", "/write-note"),
        bare("head-where-post-is", "HEAD", "/write-note"),
        bare("put-where-post-is", "PUT", "/write-note"),
        bare("delete-a-flow", "DELETE", "/flows/write_note"),
        post("post-where-get-is", "/health", "{}"),
        bare("delete-where-get-is", "DELETE", "/ready"),
        bare("options-that-is-no-preflight", "OPTIONS", "/write-note"),
        bare("head-health", "HEAD", "/health"),
        bare("head-ready", "HEAD", "/ready"),
        bare("head-readyz", "HEAD", "/readyz"),
        bare("head-healthz", "HEAD", "/healthz"),
        get("no-documentation-outside-debug", "/docs"),
        get("no-openapi-outside-debug", "/openapi.json"),
    ]
}
