//! Bodies, well-formed and not.

use serde_json::json;

use super::{Case, Profile, bare, post};
use crate::client::Body;

pub fn cases() -> Vec<Case> {
    let joke = "/tell-joke";
    let long = |n: usize| json!({"name": "é".repeat(n)}).to_string();
    let padded = |n: usize| {
        let body = "{}".to_owned();
        body + &" ".repeat(n - 2)
    };
    let deep = "[".repeat(200) + &"]".repeat(200);
    vec![
        bare("no-body", "POST", joke),
        post("empty-body", joke, ""),
        post("not-json", joke, "name=Bob"),
        post("cut-json", joke, r#"{"name":"PROMPT-MARKER"#),
        post("json-and-more", joke, r#"{"name":"PROMPT-MARKER"} x"#),
        post("bad-utf8", joke, b"{\"name\":\"PROMPT-MARKER\xff\"}".to_vec()),
        post("deep-json-that-is-ignored", joke, format!(r#"{{"x":{deep}}}"#)),
        post("json-too-deep", "/flows/tell_joke", format!(r#"{{"data":{deep}}}"#)),
        post("json-with-a-lone-surrogate", joke, r#"{"name":"\ud800"}"#),
        post("json-with-a-byte-order-mark", joke, "\u{feff}{}"),
        bare("no-content-type", "POST", joke).body(Body::Whole(b"{}".to_vec())),
        post("other-content-type", joke, "{}").header("content-type", "text/plain"),
        post("form-content-type", joke, "name=Bob")
            .header("content-type", "application/x-www-form-urlencoded"),
        post("content-type-with-a-charset", joke, "{}")
            .header("content-type", "application/json; charset=utf-8"),
        post("content-type-in-capitals", joke, "{}").header("content-type", "APPLICATION/JSON"),
        post("wrong-type", joke, r#"{"name":["PROMPT-MARKER"]}"#),
        post("null-for-a-member-that-is-not-optional", joke, r#"{"name":null}"#),
        post("null-for-an-optional-member", joke, r#"{"username":null}"#),
        post("an-array-is-no-input", joke, "[]"),
        post("a-string-is-no-input", joke, r#""PROMPT-MARKER""#),
        post("a-member-given-twice", joke, r#"{"name":"a","name":"b"}"#),
        post("a-name-of-200-characters", joke, long(200)),
        post("a-name-of-201-characters", joke, long(201)),
        post("a-user-of-201-characters", joke, json!({"username": "u".repeat(201)}).to_string()),
        post("an-empty-topic", "/tell-story/stream", r#"{"topic":""}"#),
        post(
            "a-text-too-long-to-translate",
            "/translate",
            json!({"text": "PROMPT-MARKER".repeat(800)}).to_string(),
        ),
        post("an-image-of-another-scheme", "/describe-image", r#"{"image_url":"file:///PROMPT-MARKER"}"#),
        post("an-image-that-is-no-image", "/describe-image", r#"{"image_url":"data:text/html;base64,AAAA"}"#),
        post("an-empty-character-name", "/generate-character", r#"{"name":""}"#),
        post("an-empty-question", "/chat", r#"{"question":""}"#),
        post("a-language-that-could-inject", "/generate-code", r#"{"language":"PROMPT-MARKER; rm -rf"}"#),
        post("a-review-of-nothing", "/review-code", r#"{"code":"","language":7}"#),
        post("every-fault-at-once", "/generate-code", r#"{"description":"","language":"a b"}"#),
        post("a-body-at-the-limit", joke, padded(1000)).on(Profile::Small),
        post("a-body-over-the-limit", joke, padded(1001)).on(Profile::Small),
        post("a-chunked-body-within-the-limit", joke, "")
            .on(Profile::Small)
            .body(Body::Chunked(vec![b"{\"name\":".to_vec(), b"\"Mittens\"}".to_vec()])),
        post("a-chunked-body-over-the-limit", joke, "")
            .on(Profile::Small)
            .body(Body::Chunked(vec![padded(600).into_bytes(), padded(600).into_bytes()])),
        post("a-body-that-declares-too-much", joke, "")
            .on(Profile::Small)
            .body(Body::Declared(1_000_000_000, b"{".to_vec())),
        post("a-body-over-the-default-limit", joke, padded(2 * 1024 * 1024)),
        post("a-flow-by-name-over-the-limit", "/flows/tell_joke", padded(1001)).on(Profile::Small),
    ]
}
