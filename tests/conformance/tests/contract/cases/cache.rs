//! Answers that are kept. Every case has been asked before, so each of the two cached flows answers from the cache,
//! by its route and by its name, and nothing else does.

use super::{Case, Profile, post};

pub fn cases() -> Vec<Case> {
    let spelled_out = r#"{"text":"Luna was born under the moon.","language":"English","x":1}"#;
    let cases = vec![
        post("an-extraction-is-kept", "/extract", "{}"),
        post("a-caption-is-kept", "/caption-media", "{}"),
        post("defaults-and-the-same-spelled-out-are-one", "/extract", spelled_out),
        post("a-flow-by-name-shares-what-is-kept", "/flows/extract_facts", "{}"),
        post("a-note-is-fresh", "/write-note", "{}"),
        post("a-stream-is-fresh", "/stream-sentences", "{}"),
        post("a-form-is-fresh", "/fill-form", r#"{"title":"Visa"}"#),
        post("a-failure-is-not-kept", "/extract", r#"{"text":"fault-400"}"#),
    ];
    cases.into_iter().map(|it| it.on(Profile::Cached)).collect()
}
