//! Flows by name, in the Genkit client protocol.

use fake_gemini::{FakeGemini, Fault, Matcher, Reply};

use super::{Case, bare, post};
use crate::client::Body;

pub fn script(fake: &FakeGemini) {
    fake.on(Matcher::prompt("genkit-fault"), Fault::internal());
    fake.on(Matcher::prompt("genkit-cut"), Reply::chunks(["a. b", "c"]).cut_after(1));
}

pub fn cases() -> Vec<Case> {
    let sse = "text/event-stream";
    vec![
        post("flow-by-name", "/flows/write_note", r#"{"data":{"name":"Mittens"}}"#),
        post("flow-by-name-without-data", "/flows/write_note", "{}"),
        post("flow-by-name-streamed-by-header", "/flows/write_note", r#"{"data":{}}"#).header("accept", sse),
        post("flow-by-name-streamed-by-query", "/flows/write_note?stream=true", r#"{"data":{}}"#),
        post("flow-by-name-streams-ascii", "/flows/write_note", r#"{"data":{"name":"Zoë"}}"#)
            .header("accept", sse),
        post("flow-by-name-that-only-streams", "/flows/stream_sentences", r#"{"data":{}}"#),
        post("flow-by-name-that-only-streams-streamed", "/flows/stream_sentences", r#"{"data":{}}"#)
            .header("accept", sse),
        post("flow-by-name-extract", "/flows/extract_facts", r#"{"data":{}}"#),
        post("flow-by-name-extract-streamed", "/flows/extract_facts", r#"{"data":{}}"#).header("accept", sse),
        post("flow-by-name-caption", "/flows/caption_media", r#"{"data":{}}"#),
        post("flow-by-name-form", "/flows/fill_form", r#"{"data":{"title":"Visa"}}"#),
        post("flow-by-name-form-streamed", "/flows/fill_form", r#"{"data":{"title":"Passport"}}"#)
            .header("accept", sse),
        post("flow-by-name-without-a-required-member", "/flows/fill_form", r#"{"data":{}}"#),
        post("flow-by-name-without-data-that-is-required", "/flows/fill_form", "{}"),
        post("flow-by-name-unknown", "/flows/nope", r#"{"data":{}}"#),
        post("flow-by-name-invalid", "/flows/extract_facts", r#"{"data":{"language":"no spaces","text":1}}"#),
        post("flow-by-name-not-an-envelope", "/flows/write_note", "[]"),
        post("flow-by-name-not-json", "/flows/write_note", "{"),
        bare("flow-by-name-without-content-type", "POST", "/flows/write_note")
            .body(Body::Whole(b"{}".to_vec())),
        post("flow-by-name-other-content-type", "/flows/write_note", "{}")
            .header("content-type", "text/plain"),
        post("flow-by-name-upstream-fault", "/flows/write_note", r#"{"data":{"name":"genkit-fault"}}"#),
        post(
            "flow-by-name-stream-fails-before-it-begins",
            "/flows/write_note",
            r#"{"data":{"name":"genkit-fault"}}"#,
        )
        .header("accept", sse),
        post("flow-by-name-stream-is-cut", "/flows/stream_sentences", r#"{"data":{"topic":"genkit-cut"}}"#)
            .header("accept", sse),
    ]
}
