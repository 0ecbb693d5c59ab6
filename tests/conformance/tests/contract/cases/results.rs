//! Every flow, answered.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::json;

use super::{Case, Profile, get, post};

pub fn script(fake: &FakeGemini) {
    fake.on(
        Matcher::prompt("note about Mittens"),
        Reply::chunks(["Why did Mittens ", "sit on the keyboard? ", "To log in."]),
    );
    fake.on(Matcher::prompt("note about Zoë"), Reply::chunks(["Zoë 🐱 ", "„lacht“."]));
    fake.on(
        Matcher::prompt("a brave cat"),
        Reply::chunks(["Once upon", " a time. There was", " a cat! It was brave."]),
    );
    // Of two rules that match, the newer one answers.
    fake.on(Matcher::prompt("facts in Japanese"), Reply::call("clock", json!({})));
    fake.on(
        Matcher::prompt("facts in Japanese").and(Matcher::tool_results()),
        Reply::json(&json!({
            "sourceText": "not for the model to say", "facts": ["こんにちは"],
            "counts": {"people": 0, "places": 0}, "certainty": "high",
        })),
    );
    fake.on(
        Matcher::prompt("born under the moon"),
        Reply::json(&json!({
            "sourceText": "x", "facts": ["Luna was born.", "There was a moon."],
            "counts": {"people": 1, "places": 100}, "certainty": "low",
        })),
    );
    fake.on(Matcher::image(), Reply::text("Four coloured dice on a chequered ground."));
    fake.on(
        Matcher::prompt("titled Visa"),
        Reply::json(&json!({"title": "x", "content": "Name: Luna", "copies": 3})),
    );
    fake.on(
        Matcher::prompt("titled Passport"),
        Reply::chunks(["{\"title\": \"Pa", "ssport\", \"content\": \"Name: Lu", "na\", \"copies\": 3", "}"]),
    );
}

pub fn cases() -> Vec<Case> {
    let image = "data:image/png;base64,iVBORw0KGgo=";
    vec![
        post("write-note-with-all-defaults", "/write-note", "{}"),
        post("write-note-for-a-user-in-the-body", "/write-note", r#"{"name":"Zoë","username":"Bob"}"#),
        post("write-note-for-a-user-in-the-header", "/write-note", r#"{"username":"Bob"}"#)
            .header("authorization", "Alice"),
        post("a-bearer-token-is-no-user", "/write-note", "{}").header("authorization", "Bearer abc"),
        post("write-note-ignores-unknown-members", "/write-note", r#"{"name":"Mittens","colour":"grey"}"#),
        post("write-note-streamed", "/write-note/stream", "{}"),
        post("write-note-streamed-with-unicode", "/write-note/stream", r#"{"name":"Zoë"}"#),
        post("sentences-streamed", "/stream-sentences", "{}"),
        post("extract-with-a-tool", "/extract", r#"{"text":"Hello","language":"Japanese"}"#),
        post("extract-with-defaults", "/extract", "{}"),
        post("caption-media-by-address", "/caption-media", "{}"),
        post("caption-media-by-data-uri", "/caption-media", json!({"media_url": image}).to_string()),
        post("fill-a-form", "/fill-form", r#"{"title":"Visa"}"#),
        post("fill-a-form-in-two-copies", "/fill-form", r#"{"title":"Visa","copies":2}"#),
        post("fill-a-form-streamed", "/fill-form/stream", r#"{"title":"Passport","copies":2}"#),
        post("fill-a-form-streamed-at-once", "/fill-form/stream", r#"{"title":"Visa"}"#),
        get("health", "/health"),
        get("health-by-its-other-name", "/healthz"),
        get("ready", "/ready"),
        get("ready-by-its-other-name", "/readyz"),
        get("not-ready-on-the-demo-model-by-accident", "/ready").on(Profile::Accident),
        get("ready-on-the-demo-model-on-purpose", "/ready").on(Profile::Demo),
        post(
            "the-demo-model-announces-itself",
            "/extract",
            json!({"text": "Hello ".repeat(100)}).to_string(),
        )
        .on(Profile::Demo),
        post("the-demo-model-writes-a-note", "/write-note", "{}").on(Profile::Demo),
        post("the-demo-model-streams", "/write-note/stream", "{}").on(Profile::Demo),
        post("the-demo-model-fills-a-form", "/fill-form", r#"{"title":"Visa"}"#).on(Profile::Demo),
        post("the-demo-model-fills-a-form-streamed", "/fill-form/stream", r#"{"title":"Visa"}"#)
            .on(Profile::Demo),
        post("the-demo-model-answers-even-by-accident", "/write-note", "{}").on(Profile::Accident),
    ]
}
