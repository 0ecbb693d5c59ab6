//! Flows by name, in the Genkit client protocol.

use fake_gemini::{FakeGemini, Fault, Matcher, Reply};

use super::{Case, post};

pub fn script(fake: &FakeGemini) {
    fake.on(Matcher::prompt("genkit-fault"), Fault::internal());
    fake.on(Matcher::prompt("genkit-cut"), Reply::chunks(["a. b", "c"]).cut_after(1));
}

pub fn cases() -> Vec<Case> {
    let sse = "text/event-stream";
    vec![
        post("flow-by-name", "/flows/tell_joke", r#"{"data":{"name":"Mittens"}}"#),
        post("flow-by-name-without-data", "/flows/tell_joke", "{}"),
        post("flow-by-name-streamed-by-header", "/flows/tell_joke", r#"{"data":{}}"#).header("accept", sse),
        post("flow-by-name-streamed-by-query", "/flows/tell_joke?stream=true", r#"{"data":{}}"#),
        post("flow-by-name-streams-ascii", "/flows/tell_joke", r#"{"data":{"name":"Zoë"}}"#)
            .header("accept", sse),
        post("flow-by-name-tells-a-story", "/flows/tell_story", r#"{"data":{}}"#),
        post("flow-by-name-streams-a-story", "/flows/tell_story", r#"{"data":{}}"#).header("accept", sse),
        post("flow-by-name-translate", "/flows/translate_text", r#"{"data":{}}"#),
        post("flow-by-name-translate-streamed", "/flows/translate_text", r#"{"data":{}}"#)
            .header("accept", sse),
        post("flow-by-name-image", "/flows/describe_image", r#"{"data":{}}"#),
        post("flow-by-name-character", "/flows/generate_character", r#"{"data":{}}"#),
        post("flow-by-name-chat", "/flows/pirate_chat", r#"{"data":{}}"#),
        post(
            "flow-by-name-code",
            "/flows/generate_code",
            r#"{"data":{"description":"what reverses a list"}}"#,
        ),
        post("flow-by-name-review", "/flows/review_code", r#"{"data":{}}"#),
        post("flow-by-name-unknown", "/flows/nope", r#"{"data":{}}"#),
        post(
            "flow-by-name-invalid",
            "/flows/generate_code",
            r#"{"data":{"language":"no spaces","description":1}}"#,
        ),
        post("flow-by-name-not-an-envelope", "/flows/tell_joke", "[]"),
        post("flow-by-name-not-json", "/flows/tell_joke", "{"),
        post("flow-by-name-other-content-type", "/flows/tell_joke", "{}")
            .header("content-type", "text/plain"),
        post("flow-by-name-upstream-fault", "/flows/pirate_chat", r#"{"data":{"question":"genkit-fault"}}"#),
        post(
            "flow-by-name-stream-fails-before-it-begins",
            "/flows/tell_joke",
            r#"{"data":{"name":"genkit-fault"}}"#,
        )
        .header("accept", sse),
        post("flow-by-name-stream-is-cut", "/flows/tell_story", r#"{"data":{"topic":"genkit-cut"}}"#)
            .header("accept", sse),
    ]
}
