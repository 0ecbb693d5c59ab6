//! Bodies, well-formed and not.

use serde_json::json;

use super::{Case, Profile, bare, post};
use crate::client::Body;

pub fn cases() -> Vec<Case> {
    let note = "/write-note";
    let long = |n: usize| json!({"name": "é".repeat(n)}).to_string();
    let padded = |n: usize| {
        let body = "{}".to_owned();
        body + &" ".repeat(n - 2)
    };
    let deep = "[".repeat(200) + &"]".repeat(200);
    vec![
        bare("no-body", "POST", note),
        post("empty-body", note, ""),
        post("not-json", note, "name=Bob"),
        post("cut-json", note, r#"{"name":"PROMPT-MARKER"#),
        post("json-and-more", note, r#"{"name":"PROMPT-MARKER"} x"#),
        post("bad-utf8", note, b"{\"name\":\"PROMPT-MARKER\xff\"}".to_vec()),
        post("deep-json-that-is-ignored", note, format!(r#"{{"x":{deep}}}"#)),
        post("json-too-deep", "/flows/write_note", format!(r#"{{"data":{deep}}}"#)),
        post("json-with-a-lone-surrogate", note, r#"{"name":"\ud800"}"#),
        post("json-with-a-byte-order-mark", note, "\u{feff}{}"),
        bare("no-content-type", "POST", note).body(Body::Whole(b"{}".to_vec())),
        post("other-content-type", note, "{}").header("content-type", "text/plain"),
        post("a-body-with-a-content-coding", note, b"\x1f\x8b\x08".to_vec())
            .header("content-encoding", "gzip"),
        post("a-body-with-the-coding-of-none", note, "{}").header("content-encoding", "identity"),
        post("form-content-type", note, "name=Bob")
            .header("content-type", "application/x-www-form-urlencoded"),
        post("content-type-with-a-charset", note, "{}")
            .header("content-type", "application/json; charset=utf-8"),
        post("content-type-in-capitals", note, "{}").header("content-type", "APPLICATION/JSON"),
        post("wrong-type", note, r#"{"name":["PROMPT-MARKER"]}"#),
        post("null-for-a-member-that-is-not-optional", note, r#"{"name":null}"#),
        post("null-for-an-optional-member", note, r#"{"username":null}"#),
        post("an-array-is-no-input", note, "[]"),
        post("a-string-is-no-input", note, r#""PROMPT-MARKER""#),
        post("a-member-given-twice", note, r#"{"name":"a","name":"b"}"#),
        post("a-name-of-200-characters", note, long(200)),
        post("a-name-of-201-characters", note, long(201)),
        post("a-user-of-201-characters", note, json!({"username": "u".repeat(201)}).to_string()),
        post("an-empty-topic", "/stream-sentences", r#"{"topic":""}"#),
        post("a-text-too-long", "/extract", json!({"text": "PROMPT-MARKER".repeat(800)}).to_string()),
        post("an-image-of-another-scheme", "/caption-media", r#"{"media_url":"file:///PROMPT-MARKER"}"#),
        post("an-image-that-is-no-image", "/caption-media", r#"{"media_url":"data:text/html;base64,AAAA"}"#),
        post("an-empty-text", "/extract", r#"{"text":""}"#),
        post("a-language-that-could-inject", "/extract", r#"{"language":"PROMPT-MARKER; rm -rf"}"#),
        post("a-number-too-large-for-any-type", note, r#"{"name":1e400}"#),
        post("numbers-for-texts", note, r#"{"name":7,"username":7}"#),
        post("every-fault-at-once", "/extract", r#"{"text":"","language":"a b"}"#),
        post("a-required-member-that-is-missing", "/fill-form", "{}"),
        post("a-required-member-that-is-null", "/fill-form", r#"{"title":null}"#),
        post("a-required-member-missing-beside-another-fault", "/fill-form", r#"{"copies":0}"#),
        post("a-body-at-the-limit", note, padded(1000)).on(Profile::Small),
        post("a-body-over-the-limit", note, padded(1001)).on(Profile::Small),
        post("a-chunked-body-within-the-limit", note, "")
            .on(Profile::Small)
            .body(Body::Chunked(vec![b"{\"name\":".to_vec(), b"\"Mittens\"}".to_vec()])),
        post("a-chunked-body-over-the-limit", note, "")
            .on(Profile::Small)
            .body(Body::Chunked(vec![padded(600).into_bytes(), padded(600).into_bytes()])),
        post("a-body-that-declares-too-much", note, "")
            .on(Profile::Small)
            .body(Body::Declared(1_000_000_000, b"{".to_vec())),
        post("a-body-over-the-default-limit", note, padded(2 * 1024 * 1024)),
        post("a-flow-by-name-over-the-limit", "/flows/write_note", padded(1001)).on(Profile::Small),
    ]
}
