//! Everything a model can do wrong, and each row of the error table it ends in.

use std::time::Duration;

use fake_gemini::{FakeGemini, Fault, Finish, Matcher, Reply};
use serde_json::json;

use super::{Case, Profile, post};
use conformance::PANIC;

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
    on("fault-truncated", Reply::text("{\"facts\":").finish(Finish::MaxTokens));
    let mended = json!({
        "sourceText": "x", "facts": ["Mended."], "counts": {"people": 1, "places": 2}, "certainty": "high",
    });
    on(
        "fault-mendable",
        Reply::text(r#"{"sourceText":"x","facts":[],"counts":{"people":101,"places":1},"certainty":"low"}"#),
    );
    // The second question repeats the first answer, so it can be told apart; the newer rule answers it.
    fake.on(
        Matcher::when(|it| it.body.to_string().contains("101") && it.prompt().contains("fault-mendable")),
        Reply::json(&mended),
    );
    on("fault-form-cut", Reply::chunks(["{\"title\": \"a\"", "}"]).cut_after(1));
    on("fault-form-too-many", Reply::text(r#"{"title":"a","content":"b","copies":10}"#));
    on("fault-form-mendable", Reply::text(r#"{"title":"first try","content":"b","copies":10}"#));
    fake.on(
        Matcher::when(|it| {
            it.body.to_string().contains("first try") && it.prompt().contains("fault-form-mendable")
        }),
        Reply::text(r#"{"title":"second try","content":"b","copies":9}"#),
    );
    on("fault-nonsense", Reply::text("I would rather talk about the weather."));
}

pub fn cases() -> Vec<Case> {
    let note = |name, fault: &str| {
        post(name, "/write-note", json!({"name": format!("PROMPT-MARKER {fault}")}).to_string())
    };
    let stream = |name, fault: &str| {
        post(name, "/write-note/stream", json!({"name": format!("PROMPT-MARKER {fault}")}).to_string())
    };
    let facts = |name, fault: &str| post(name, "/extract", json!({"text": fault}).to_string());
    let form = |name, fault: &str| {
        post(name, "/fill-form/stream", json!({"title": format!("PROMPT-MARKER {fault}")}).to_string())
    };
    vec![
        note("upstream-says-400", "fault-400"),
        note("upstream-says-401", "fault-401"),
        note("upstream-says-403", "fault-403"),
        note("upstream-says-404", "fault-404"),
        note("upstream-says-429", "fault-429"),
        note("upstream-says-500", "fault-500"),
        note("upstream-says-503", "fault-503"),
        note("upstream-answers-html", "fault-html"),
        note("upstream-answers-broken-json", "fault-json"),
        note("upstream-answers-nothing", "fault-empty"),
        note("upstream-cuts-its-answer", "fault-broken-at-once"),
        note("the-prompt-is-blocked", "fault-blocked"),
        note("the-answer-is-withheld", "fault-safety"),
        note("upstream-is-silent", "fault-silence").on(Profile::ImpatientWithModel),
        note("the-request-takes-too-long", "fault-silence").on(Profile::Hurried),
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
        form("a-streamed-form-refused-before-it-begins", "fault-429"),
        form("a-streamed-form-of-prose", "fault-nonsense"),
        form("a-streamed-form-that-is-cut", "fault-form-cut"),
        form("a-streamed-form-that-breaks-its-limits", "fault-form-too-many"),
        // The title of its input is in its result, so it must hold no marker.
        post(
            "a-streamed-form-mended-at-the-second-try",
            "/fill-form/stream",
            json!({"title": "fault-form-mendable"}).to_string(),
        ),
        post("a-flow-that-panics", "/write-note", json!({"name": PANIC}).to_string()),
        post("a-handler-that-panics", "/stream-sentences", json!({"topic": PANIC}).to_string()),
        facts("an-answer-of-prose-where-json-was-due", "fault-nonsense"),
        facts("an-answer-cut-by-its-length", "fault-truncated"),
        facts("an-answer-mended-at-the-second-try", "fault-mendable"),
    ]
}
