//! Request bodies: two digits that choose a schema and a content type, then the body.
//!
//! What is decoded keeps its rules and survives being written and read again; garde, serde and the published JSON
//! Schema agree on what is valid; a refusal is of the right row, points into the body and repeats nothing of it.

#![no_main]

use std::error::Error;
use std::fmt::Debug;

use api::{
    CharacterInput, ChatInput, CodeInput, CodeReviewInput, ImageInput, JokeInput, StoryInput, TranslateInput,
};
use flow_edge::wire::answer;
use flow_edge::wire::decode::decode_value;
use flow_edge::{Envelope, ErrorKind, FlowError, RequestContext, Schema, wire};
use futures_util::FutureExt;
use garde::Validate;
use libfuzzer_sys::fuzz_target;
use schemars::JsonSchema;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const JSON: Option<&[u8]> = Some(b"application/json");

/// Content types, and whether they declare JSON.
const CONTENT_TYPES: [(Option<&[u8]>, bool); 10] = [
    (JSON, true),
    (None, false),
    (Some(b"Application/JSON; charset=utf-8"), true),
    (Some(b" application/json ;"), true),
    (Some(b"text/json"), false),
    (Some(b"application/jsonp"), false),
    (Some(b"application/problem+json"), false),
    (Some(b"text/plain;application/json"), false),
    (Some(b""), false),
    (Some(b"\xff"), false),
];

fuzz_target!(|data: &[u8]| {
    let [schema, content_type, body @ ..] = data else { return };
    let content_type = usize::from(content_type.wrapping_sub(b'0')) % CONTENT_TYPES.len();
    match schema.wrapping_sub(b'0') % 8 {
        0 => check_all::<JokeInput>(content_type, body),
        1 => check_all::<StoryInput>(content_type, body),
        2 => check_all::<TranslateInput>(content_type, body),
        3 => check_all::<ImageInput>(content_type, body),
        4 => check_all::<CharacterInput>(content_type, body),
        5 => check_all::<ChatInput>(content_type, body),
        6 => check_all::<CodeInput>(content_type, body),
        _ => check_all::<CodeReviewInput>(content_type, body),
    }
    check_wants_stream(body);
});

fn check_all<T: Schema + PartialEq + Debug>(content_type: usize, body: &[u8]) {
    check::<T>(content_type, body);
    check_envelope::<T>(body);
}

/// Reads an input as a handler does. It may arrive in pieces.
fn read<T: Schema>(content_type: Option<&[u8]>, body: &[u8], cut: usize) -> Result<T, FlowError> {
    let body = fuzz::arriving(body, cut);
    let ctx = RequestContext::detached();
    wire::read(&ctx, content_type, body).now_or_never().expect("never waits")
}

/// Reads an envelope as a handler does.
fn envelope(accept: Option<&[u8]>, query: Option<&str>, body: &[u8]) -> Result<Envelope, FlowError> {
    let ctx = RequestContext::detached();
    let body = fuzz::arriving(body, body.len() / 3);
    Envelope::read(&ctx, accept, query, body).now_or_never().expect("never waits")
}

fn check<T: Schema + PartialEq + Debug>(content_type: usize, body: &[u8]) {
    let (content_type, is_json) = CONTENT_TYPES[content_type];
    let document = serde_json::from_slice::<Value>(body);
    let outcome = read::<T>(content_type, body, body.len());
    let in_pieces = read::<T>(content_type, body, body.len() / 2);
    assert_eq!(format!("{outcome:?}"), format!("{in_pieces:?}"), "how it arrives makes a difference");
    check_limit::<T>(content_type, body);
    match &outcome {
        Ok(input) => {
            assert!(is_json);
            assert!(std::str::from_utf8(body).is_ok(), "JSON is UTF-8");
            keeps_its_rules(input);
            // serde does not look closely at members it ignores: their depth, their numbers, their escapes.
            if let Ok(document) = &document {
                assert_eq!(*input, decode_value(document).expect("the same, parsed before"));
            }
        }
        Err(error) => {
            match error.kind {
                ErrorKind::Malformed if body.is_empty() => {}
                ErrorKind::Malformed => assert!(is_json && document.is_err(), "JSON is not malformed"),
                ErrorKind::Invalid => assert!(is_json),
                ErrorKind::UnsupportedMediaType => assert!(!is_json),
                other => panic!("no row of a body: {other:?}"),
            }
            points_into(error, document.as_ref().ok(), body);
        }
    }
    let Ok(document) = document else { return };
    if is_json && document.is_object() && T::validator().is_valid(&document) {
        assert!(outcome.is_ok() || has_duplicates(body), "valid by its schema, yet {outcome:?}");
    }
    check_value::<T>(&document);
    for plant in PLANTS {
        let mut planted = document.clone();
        if sow(&mut planted, plant) {
            check_value::<T>(&planted);
            let body = planted.to_string();
            read::<T>(JSON, body.as_bytes(), body.len()).err().iter().for_each(keeps_silent);
            let envelope = envelope(None, None, body.as_bytes());
            envelope.and_then(|it| it.input::<T>()).err().iter().for_each(keeps_silent);
        }
    }
}

/// A document that is parsed already: nothing but its schema decides.
fn check_value<T: Schema + PartialEq + Debug>(document: &Value) {
    let is_valid = document.is_object() && T::validator().is_valid(document);
    match decode_value::<T>(document) {
        Ok(input) => {
            assert!(is_valid, "decoded, yet not valid by its schema");
            keeps_its_rules(&input);
        }
        Err(error) => {
            assert!(!is_valid, "valid by its schema, yet {error:?}");
            assert_eq!(error.kind, ErrorKind::Invalid);
            points_into(&error, Some(document), b"");
            keeps_silent(&error);
        }
    }
}

fn keeps_its_rules<T: Schema + PartialEq + Debug>(input: &T) {
    input.validate().expect("what is decoded is valid");
    let written = serde_json::to_vec(input).expect("what is decoded can be written");
    assert_eq!(*input, read::<T>(JSON, &written, 1).expect("and read again"));
}

/// Every fault is in a place that the body has; the one that says nothing is for members given twice alone.
fn points_into(error: &FlowError, document: Option<&Value>, body: &[u8]) {
    assert_eq!(error.kind == ErrorKind::Invalid, !error.violations.is_empty());
    assert!(error.violations.len() <= 50, "a hostile body chooses the length of the answer");
    for fault in &error.violations {
        let place = document.expect("only JSON is invalid").pointer(&fault.pointer);
        assert!(place.is_some(), "nothing at {}", fault.pointer);
        if fault.detail == "does not have the expected form" {
            assert!(has_duplicates(body), "nobody learns what is wrong");
        }
    }
}

/// Neither the schemas nor any text of ours has these, so whoever says them has them from the body.
const TEXT: &str = "QzXvJkWqPzYhVxKb";
const NUMBER: u64 = 9_182_736_455_463_728_191;

/// What is put into every value of a body, beside what it has already or in its place.
#[derive(Clone, Copy)]
enum Plant {
    After,
    Before,
    Instead,
    Number,
}

const PLANTS: [Plant; 4] = [Plant::After, Plant::Before, Plant::Instead, Plant::Number];

fn sow(value: &mut Value, plant: Plant) -> bool {
    match value {
        Value::String(text) => {
            match plant {
                Plant::After => text.push_str(TEXT),
                Plant::Before => text.insert_str(0, TEXT),
                Plant::Instead => TEXT.clone_into(text),
                Plant::Number => *value = NUMBER.into(),
            }
            true
        }
        Value::Number(_) => {
            *value = NUMBER.into();
            true
        }
        Value::Array(items) => items.iter_mut().fold(false, |sown, it| sow(it, plant) | sown),
        Value::Object(members) => members.values_mut().fold(false, |sown, it| sow(it, plant) | sown),
        _ => false,
    }
}

/// Not six characters of a planted value are in anything an error says, to the client or to the log.
fn keeps_silent(error: &FlowError) {
    let mut said = format!("{error} {error:?} {:?}", error.source());
    for path in ["/chat", "/flows/pirate_chat"] {
        let answer = answer::error(error, &fuzz::context(path, Default::default()));
        said.push_str(std::str::from_utf8(fuzz::bytes(&answer)).expect("text"));
        said.push_str(&format!("{:?}", answer.headers()));
    }
    for secret in [TEXT, &NUMBER.to_string()] {
        for at in 0..=secret.len() - 6 {
            assert!(!said.contains(&secret[at..at + 6]), "an error repeats the value: {said}");
        }
    }
}

/// A body of more bytes than are allowed is refused for its size, whatever else is wrong with it; one of as many is
/// not.
fn check_limit<T: Schema + PartialEq + Debug>(content_type: Option<&[u8]>, body: &[u8]) {
    const LIMIT: usize = 1000;
    let ctx = fuzz::context("/chat", Default::default());
    assert_eq!(ctx.max_body_size(), LIMIT);
    for body in [body, &[b' ', b'{'].repeat(LIMIT / 2), &[b'['; LIMIT + 1]] {
        let arriving = fuzz::arriving(body, body.len() / 2);
        let outcome =
            wire::read::<T, _, _>(&ctx, content_type, arriving).now_or_never().expect("never waits");
        let is_too_large = outcome.is_err_and(|it| it.kind == ErrorKind::BodyTooLarge);
        assert_eq!(is_too_large, body.len() > LIMIT);
    }
}

/// An object of any members.
#[derive(Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(transparent)]
struct Anything(#[garde(skip)] Value);

fn check_envelope<T: Schema + PartialEq + Debug>(body: &[u8]) {
    let expected = match serde_json::from_slice::<Value>(body) {
        _ if body.is_empty() => Err(ErrorKind::Malformed),
        Ok(Value::Object(members)) => Ok(match &members.get("data") {
            None | Some(Value::Null) => json!({}),
            Some(data) => (*data).clone(),
        }),
        Ok(_) | Err(_) => Err(ErrorKind::Malformed),
    };
    let envelope = envelope(None, None, body);
    let (envelope, data) = match (envelope, expected) {
        (Ok(envelope), Ok(data)) => (envelope, data),
        (envelope, expected) => {
            assert_eq!(envelope.map_err(|it| it.kind).err(), expected.clone().err(), "{expected:?}");
            return;
        }
    };
    // An input is an object. What else it may be its schema says, and where it breaks that, from the body's root.
    let is_object = data.is_object();
    assert_eq!(envelope.input::<Anything>().ok(), is_object.then(|| Anything(data.clone())));
    let (input, direct) = (envelope.input::<T>(), decode_value::<T>(&data));
    match (input, direct) {
        (Ok(input), Ok(direct)) => assert_eq!(input, direct),
        (Err(error), Err(direct)) => {
            let pointers = |it: &FlowError, below: &str| -> Vec<_> {
                it.violations.iter().map(|it| (format!("{below}{}", it.pointer), it.detail.clone())).collect()
            };
            assert_eq!(error.kind, direct.kind);
            assert_eq!(pointers(&error, ""), pointers(&direct, "/data"));
        }
        (input, direct) => panic!("{input:?} in the envelope, {direct:?} alone"),
    }
}

/// A list of media ranges with their weights (RFC 9110 §12.5.1), read slowly.
fn check_wants_stream(text: &[u8]) {
    let lower = String::from_utf8_lossy(text).to_ascii_lowercase();
    let (mut accepts, mut is_clear) = (false, true);
    for range in lower.split(',') {
        let mut parts = range.split(';').map(|it| it.as_bytes().trim_ascii());
        if parts.next() != Some(b"text/event-stream") {
            continue;
        }
        let mut weights = parts.filter_map(|it| it.strip_prefix(b"q="));
        match weights.next() {
            None => accepts = true,
            Some(b"0" | b"0." | b"0.0" | b"0.00" | b"0.000") => {}
            Some([b'1'] | [b'0', b'.', b'1'..=b'9', ..]) => accepts = true,
            // What another weight means, if it is one, no rule says.
            Some(_) => is_clear = false,
        }
        is_clear &= weights.next().is_none();
    }
    let wants_stream = |accept, query| envelope(accept, query, b"{}").expect("an envelope").wants_stream;
    if is_clear {
        assert_eq!(wants_stream(Some(text), None), accepts, "{lower}");
    }
    if let Ok(query) = std::str::from_utf8(text) {
        let asks = format!("&{query}&").contains("&stream=true&");
        assert_eq!(wants_stream(None, Some(query)), asks, "{query}");
    }
    assert!(!wants_stream(None, None));
}

/// Whether an object has a member twice, which a parsed document cannot show.
fn has_duplicates(body: &[u8]) -> bool {
    let Ok(Members(mut names)) = serde_json::from_slice(body) else { return false };
    let all = names.len();
    names.sort();
    names.dedup();
    names.len() < all
}

struct Members(Vec<String>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Members;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
                    names.push(name);
                }
                Ok(Members(names))
            }
        }
        deserializer.deserialize_map(Names)
    }
}
