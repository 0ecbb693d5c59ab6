//! What goes in and comes out, with the members, defaults and bytes of ours.

use serde::{Deserialize, Serialize};

/// That of `/health`.
pub(crate) const HEALTH: &str = r#"{"status":"ok"}"#;

/// The type of all answers but streams. poem and actix would add a charset.
pub(crate) const JSON: &str = "application/json";

/// The type of streams.
pub(crate) const EVENTS: &str = "text/event-stream";

/// The largest body, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct JokeInput {
    pub(crate) name: String,
    pub(crate) username: Option<String>,
}

impl Default for JokeInput {
    fn default() -> Self {
        Self { name: "Mittens".into(), username: None }
    }
}

#[derive(Serialize)]
pub(crate) struct JokeResponse {
    pub(crate) joke: String,
    pub(crate) username: Option<String>,
}

/// One event of a streamed joke.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum JokeEvent {
    Chunk { chunk: String },
    Done { done: bool, joke: String },
}

#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct TranslateInput {
    text: String,
    target_language: String,
}

impl Default for TranslateInput {
    fn default() -> Self {
        Self {
            text: "On clear winter nights the Northern Lights drift over the Arctic like slow green fire. \
                   Particles blown out by the sun meet the thin air high above the poles, and every atom they \
                   strike gives back a little light."
                .into(),
            target_language: "French".into(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct TranslationResult {
    original_text: String,
    translated_text: String,
    target_language: String,
    confidence: Confidence,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Confidence {
    High,
}

/// The demo model's translation, which ours has in its cache.
pub(crate) fn translate(input: TranslateInput) -> TranslationResult {
    let TranslateInput { text, target_language } = input;
    let translated_text = format!("[{target_language}] {text}");
    TranslationResult { original_text: text, translated_text, target_language, confidence: Confidence::High }
}
