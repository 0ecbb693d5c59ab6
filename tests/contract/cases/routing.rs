//! Paths and methods.

use super::{Case, bare, get, post};

pub fn cases() -> Vec<Case> {
    vec![
        get("unknown-path", "/nope"),
        get("root", "/"),
        post("path-in-another-case", "/TELL-JOKE", "{}"),
        post("path-with-a-trailing-slash", "/tell-joke/", "{}"),
        post("path-with-a-doubled-slash", "//tell-joke", "{}"),
        post("path-with-a-doubled-slash-inside", "/tell-joke//stream", "{}"),
        post("path-with-an-escaped-character", "/tell%2Djoke", "{}"),
        post("path-with-a-bad-escape", "/tell-joke%ff", "{}"),
        post("path-with-half-an-escape", "/tell-joke%z", "{}"),
        post("flow-name-with-an-escape", "/flows/tell%5Fjoke", "{}"),
        post("flow-without-a-name", "/flows/", "{}"),
        post("flow-with-two-names", "/flows/tell_joke/stream", "{}"),
        post("query-is-ignored", "/tell-joke?name=Bob", "{}"),
        get("get-where-post-is", "/tell-joke"),
        bare("head-where-post-is", "HEAD", "/tell-joke"),
        bare("put-where-post-is", "PUT", "/tell-joke"),
        bare("delete-a-flow", "DELETE", "/flows/tell_joke"),
        post("post-where-get-is", "/health", "{}"),
        bare("delete-where-get-is", "DELETE", "/ready"),
        bare("options-that-is-no-preflight", "OPTIONS", "/tell-joke"),
        bare("head-health", "HEAD", "/health"),
        bare("head-ready", "HEAD", "/ready"),
        bare("head-readyz", "HEAD", "/readyz"),
        bare("head-healthz", "HEAD", "/healthz"),
        get("no-documentation-outside-debug", "/docs"),
        get("no-openapi-outside-debug", "/openapi.json"),
    ]
}
