//! Every flow, answered.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::json;

use super::{Case, Profile, get, post};

pub fn script(fake: &FakeGemini) {
    fake.on(
        Matcher::prompt("joke about Mittens"),
        Reply::chunks(["Why did Mittens ", "sit on the keyboard? ", "To log in."]),
    );
    fake.on(Matcher::prompt("joke about Zoë"), Reply::chunks(["Zoë 🐱 ", "„lacht“."]));
    fake.on(
        Matcher::prompt("a brave cat"),
        Reply::chunks(["Once upon", " a time. There was", " a cat! It was brave."]),
    );
    // Of two rules that match, the newer one answers.
    fake.on(Matcher::prompt("Translate into Japanese"), Reply::call("get_current_time", json!({})));
    fake.on(
        Matcher::prompt("Translate into Japanese").and(Matcher::tool_results()),
        Reply::json(&json!({
            "original_text": "not for the model to say", "translated_text": "こんにちは",
            "target_language": "nor this", "confidence": "high",
        })),
    );
    fake.on(
        Matcher::prompt("Translate into French"),
        Reply::json(&json!({
            "original_text": "x", "translated_text": "Bonjour", "target_language": "x", "confidence": "medium",
        })),
    );
    fake.on(Matcher::image(), Reply::text("Four coloured dice on a chequered ground."));
    fake.on(
        Matcher::prompt("named Luna"),
        Reply::json(&json!({
            "name": "Luna", "backStory": "Born under the moon.", "abilities": ["Moonwalk", "Howl"],
            "skills": {"strength": 10, "charisma": 100, "endurance": 0},
        })),
    );
    fake.on(Matcher::prompt("best programming language"), Reply::text("Arrr, 'tis Rust, matey!"));
    fake.on(
        Matcher::prompt("reverses a list"),
        Reply::json(&json!({
            "code": "xs.reverse()", "language": "rust", "explanation": "In place.", "filename": "reverse.rs",
        })),
    );
    fake.on(
        Matcher::prompt("def add(a, b)"),
        Reply::json(&json!({
            "summary": "Fine.", "score": 9, "language": "python",
            "issues": [{"severity": "info", "line": "1", "message": "No types.", "suggestion": "Add them."}],
        })),
    );
}

pub fn cases() -> Vec<Case> {
    let image = "data:image/png;base64,iVBORw0KGgo=";
    vec![
        post("tell-joke-with-all-defaults", "/tell-joke", "{}"),
        post("tell-joke-for-a-user-in-the-body", "/tell-joke", r#"{"name":"Zoë","username":"Bob"}"#),
        post("tell-joke-for-a-user-in-the-header", "/tell-joke", r#"{"username":"Bob"}"#)
            .header("authorization", "Alice"),
        post("a-bearer-token-is-no-user", "/tell-joke", "{}").header("authorization", "Bearer abc"),
        post("tell-joke-ignores-unknown-members", "/tell-joke", r#"{"name":"Mittens","colour":"grey"}"#),
        post("tell-joke-streamed", "/tell-joke/stream", "{}"),
        post("tell-joke-streamed-with-unicode", "/tell-joke/stream", r#"{"name":"Zoë"}"#),
        post("tell-story-streamed", "/tell-story/stream", "{}"),
        post("translate-with-a-tool", "/translate", r#"{"text":"  Hello  ","target_language":"Japanese"}"#),
        post("translate-with-defaults", "/translate", "{}"),
        post("describe-an-image-by-address", "/describe-image", "{}"),
        post("describe-an-image-by-data-uri", "/describe-image", json!({"image_url": image}).to_string()),
        post("generate-a-character", "/generate-character", "{}"),
        post("chat-with-the-pirate", "/chat", "{}"),
        post(
            "generate-code",
            "/generate-code",
            r#"{"description":"a function that reverses a list","language":"rust"}"#,
        ),
        post("review-code-with-defaults", "/review-code", "{}"),
        post(
            "review-code-in-a-named-language",
            "/review-code",
            r#"{"code":"def add(a, b): return a","language":"python"}"#,
        ),
        get("health", "/health"),
        get("health-by-its-other-name", "/healthz"),
        get("ready", "/ready"),
        get("ready-by-its-other-name", "/readyz"),
        get("not-ready-on-the-demo-model-by-accident", "/ready").on(Profile::Accident),
        get("ready-on-the-demo-model-on-purpose", "/ready").on(Profile::Demo),
        post("the-demo-model-announces-itself", "/generate-character", "{}").on(Profile::Demo),
        post("the-demo-model-tells-a-joke", "/tell-joke", "{}").on(Profile::Demo),
        post("the-demo-model-streams", "/tell-joke/stream", "{}").on(Profile::Demo),
        post("the-demo-model-answers-even-by-accident", "/chat", "{}").on(Profile::Accident),
    ]
}
