//! Answers that are kept. Every case has been asked before, so each of the five idempotent flows answers from the
//! cache, by its route and by its name, and nothing else does.

use super::{Case, Profile, post};

pub fn cases() -> Vec<Case> {
    let cases = vec![
        post("a-translation-is-kept", "/translate", r#"{"text":"Hello","target_language":"Japanese"}"#),
        post("a-description-is-kept", "/describe-image", "{}"),
        post("a-character-is-kept", "/generate-character", "{}"),
        post("code-is-kept", "/generate-code", r#"{"description":"a function that reverses a list"}"#),
        post("a-review-is-kept", "/review-code", "{}"),
        post("defaults-and-the-same-spelled-out-are-one", "/generate-character", r#"{"name":"Luna","x":1}"#),
        post("a-flow-by-name-shares-what-is-kept", "/flows/generate_character", "{}"),
        post("a-joke-is-fresh", "/tell-joke", "{}"),
        post("a-story-is-fresh", "/tell-story/stream", "{}"),
        post("a-chat-is-fresh", "/chat", "{}"),
        post("a-failure-is-not-kept", "/generate-character", r#"{"name":"fault-400"}"#),
    ];
    cases.into_iter().map(|it| it.on(Profile::Cached)).collect()
}
