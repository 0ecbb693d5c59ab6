//! Everything a model can do wrong, and each row of the error table it ends in.

use std::time::Duration;

use fake_gemini::{FakeGemini, Fault, Finish, Matcher, Reply};
use serde_json::json;

use super::{Case, Profile, post};
use crate::server::PANIC;

pub fn script(fake: &FakeGemini) {
    let on = |text: &str, reply: Reply| fake.on(Matcher::prompt(text), reply);
    on("fault-400", Fault::invalid_argument("no").into());
    on("fault-401", Fault::unauthenticated().into());
    on("fault-403", Fault::permission_denied().into());
    on("fault-404", Fault::model_not_found("nope").into());
    on("fault-429", Fault::resource_exhausted(Duration::from_secs(7)).into());
    on("fault-500", Fault::internal().into());
    on("fault-503", Fault::unavailable().into());
    on("fault-html", Reply::html());
    on("fault-json", Reply::malformed_json());
    on("fault-blocked", Reply::blocked("PROHIBITED_CONTENT"));
    on("fault-safety", Reply::nothing(Finish::Safety));
    on("fault-empty", Reply::nothing(Finish::Stop));
    on("fault-broken-at-once", Reply::chunks(["a", "b"]).cut_after(0));
    on("fault-cut", Reply::chunks(["a", "b"]).cut_after(1));
    on("fault-ends-early", Reply::chunks(["a", "b"]).end_after(1));
    on("fault-mid-stream", Reply::chunks(["a", "b"]).error_after(1, Fault::internal()));
    on("fault-silence", Reply::silence());
    on("fault-goes-silent", Reply::chunks(["a", "b"]).silent_after(1));
    on("fault-panic", Reply::chunks(["a", "b"]));
    on(PANIC, Reply::chunks(["a", "b"]));
    on("fault-truncated", Reply::text("{\"name\":").finish(Finish::MaxTokens));
    let repaired = json!({
        "name": "Mended", "backStory": "Once wrong.", "abilities": [],
        "skills": {"strength": 1, "charisma": 2, "endurance": 3},
    });
    on(
        "fault-mendable",
        Reply::text(
            r#"{"name":"x","backStory":"x","abilities":[],"skills":{"strength":101,"charisma":1,"endurance":1}}"#,
        ),
    );
    // The second question repeats the first answer, so it can be told apart; the newer rule answers it.
    fake.on(
        Matcher::when(|it| it.body.to_string().contains("101") && it.prompt().contains("fault-mendable")),
        Reply::json(&repaired),
    );
    on("fault-nonsense", Reply::text("I would rather talk about the weather."));
}

pub fn cases() -> Vec<Case> {
    let chat = |name, fault: &str| {
        post(name, "/chat", json!({"question": format!("PROMPT-MARKER {fault}")}).to_string())
    };
    let stream = |name, fault: &str| {
        post(name, "/tell-joke/stream", json!({"name": format!("PROMPT-MARKER {fault}")}).to_string())
    };
    let character = |name, fault: &str| post(name, "/generate-character", json!({"name": fault}).to_string());
    vec![
        chat("upstream-says-400", "fault-400"),
        chat("upstream-says-401", "fault-401"),
        chat("upstream-says-403", "fault-403"),
        chat("upstream-says-404", "fault-404"),
        chat("upstream-says-429", "fault-429"),
        chat("upstream-says-500", "fault-500"),
        chat("upstream-says-503", "fault-503"),
        chat("upstream-answers-html", "fault-html"),
        chat("upstream-answers-broken-json", "fault-json"),
        chat("upstream-answers-nothing", "fault-empty"),
        chat("upstream-cuts-its-answer", "fault-broken-at-once"),
        chat("the-prompt-is-blocked", "fault-blocked"),
        chat("the-answer-is-withheld", "fault-safety"),
        chat("upstream-is-silent", "fault-silence").on(Profile::ImpatientWithModel),
        chat("the-request-takes-too-long", "fault-silence").on(Profile::Hurried),
        stream("a-stream-refused-before-it-begins", "fault-429"),
        stream("a-stream-blocked-before-it-begins", "fault-blocked"),
        stream("a-stream-cut-before-it-begins", "fault-broken-at-once"),
        stream("a-stream-silent-before-it-begins", "fault-silence").on(Profile::ImpatientWithModel),
        stream("a-stream-too-late-for-the-request", "fault-silence").on(Profile::Hurried),
        stream("a-stream-cut", "fault-cut"),
        stream("a-stream-ended-early", "fault-ends-early"),
        stream("a-stream-that-fails", "fault-mid-stream"),
        stream("a-stream-that-goes-silent", "fault-goes-silent").on(Profile::ImpatientWithModel),
        stream("a-stream-that-panics", PANIC),
        post("a-flow-that-panics", "/tell-joke", json!({"name": PANIC}).to_string()),
        post("a-handler-that-panics", "/tell-story/stream", json!({"topic": PANIC}).to_string()),
        character("an-answer-of-prose-where-json-was-due", "fault-nonsense"),
        character("an-answer-cut-by-its-length", "fault-truncated"),
        character("an-answer-mended-at-the-second-try", "fault-mendable"),
    ]
}
