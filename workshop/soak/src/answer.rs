//! What each answer must be, down to its last member.

use fake_gemini::UPSTREAM_BODY_MARKER;
use serde_json::Value;

use crate::upstream::{KEY, PROMPT};

/// What is expected of an answer that is waited for.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// 200 and a result with these members, under `/flows` inside `{"result": …}`.
    Result {
        envelope: bool,
        members: &'static [&'static str],
        /// The member that repeats the input's text, and the text.
        echo: Option<(&'static str, String)>,
    },
    /// 200 and `{"status":"ok"}`, and perhaps one member more.
    Probe { member: Option<&'static str> },
    /// A status without a body.
    Empty { status: u16 },
    /// An error with this status, in this form.
    Error { format: Format, status: u16 },
    /// 200 and a stream.
    Stream { format: Format, ending: Ending },
}

/// How a stream must end.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// With the result, which repeats the text of the input.
    Done { chunks: Chunks, echo: String },
    /// After at least one chunk, with an error of this status.
    Error { status: u16 },
}

/// What a stream has before its last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// Nothing: the flow does not stream.
    None,
    /// Texts, which together are this member of the result.
    Text(&'static str),
    /// Objects. The members of the last are known to the end.
    Objects,
}

/// Which form errors and frames take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The REST routes: problem documents (RFC 9457), `{"chunk"}` and `{"done"}`.
    Problem,
    /// Flows by name: Genkit's `{"status"}`, `{"message"}` and `{"result"}`.
    Genkit,
}

impl Format {
    /// That of a path.
    pub fn of(path: &str) -> Self {
        if path.starts_with("/flows/") { Self::Genkit } else { Self::Problem }
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub request_id: String,
    pub allow: bool,
    pub retry_after: bool,
    pub body: Vec<u8>,
}

/// Says what is wrong with an answer, without anything that differs from one request to the next.
pub fn check(answer: &Answer, expect: &Expect, request_id: &str) -> Result<(), String> {
    let expected = match expect {
        Expect::Empty { status } | Expect::Error { status, .. } => *status,
        _ => 200,
    };
    let body = std::str::from_utf8(&answer.body).map_err(|_| "the body is no UTF-8")?;
    if answer.status != expected {
        return Err(format!("{} where {expected} was expected", answer.status));
    }
    if answer.request_id != request_id {
        return Err("it carries another request's id".into());
    }
    if answer.status == 405 && !answer.allow || answer.status == 503 && !answer.retry_after {
        return Err(format!("{} without its header", answer.status));
    }
    match expect {
        Expect::Empty { .. } => if_so(body.is_empty(), "a body where none was expected"),
        Expect::Probe { member } => {
            typed(answer, "application/json")?;
            let probe = parse(body)?;
            let whole = probe["status"] == "ok" && member.is_none_or(|it| probe[it].is_object());
            if_so(whole, "no right probe")
        }
        Expect::Result { envelope, members, echo } => {
            typed(answer, "application/json")?;
            let document = parse(body)?;
            let result = if *envelope { &document["result"] } else { &document };
            has(result, members)?;
            match echo {
                Some((member, text)) => {
                    let text = text.split(' ').next().unwrap_or_default();
                    let repeats = result[member].as_str().is_some_and(|it| it.contains(text));
                    if_so(repeats, "the result belongs to another input")
                }
                None => Ok(()),
            }
        }
        Expect::Error { format, status } => {
            typed(
                answer,
                if *format == Format::Problem { "application/problem+json" } else { "application/json" },
            )?;
            error(&parse(body)?, *format, *status, request_id)
        }
        Expect::Stream { format, ending } => {
            typed(answer, "text/event-stream")?;
            stream(body, *format, ending, request_id)
        }
    }
}

fn if_so(right: bool, otherwise: &str) -> Result<(), String> {
    right.then_some(()).ok_or_else(|| otherwise.to_owned())
}

fn typed(answer: &Answer, expected: &str) -> Result<(), String> {
    if_so(answer.content_type == expected, &format!("{} where {expected} was expected", answer.content_type))
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|_| "the body is no JSON".to_owned())
}

fn has(result: &Value, members: &[&str]) -> Result<(), String> {
    match members.iter().find(|it| result.get(**it).is_none_or(Value::is_null)) {
        Some(missing) => Err(format!("the result has no {missing}")),
        None => Ok(()),
    }
}

/// Whether an error repeats a key, a prompt or the model server's words.
pub fn tells_a_secret(error: &str) -> bool {
    [KEY, PROMPT, UPSTREAM_BODY_MARKER].iter().any(|it| error.contains(it))
}

fn error(document: &Value, format: Format, status: u16, request_id: &str) -> Result<(), String> {
    if tells_a_secret(&document.to_string()) {
        return Err("the error tells a secret".into());
    }
    match format {
        Format::Problem => {
            has(document, &["type", "title", "status", "detail", "request_id"])?;
            if_so(document["status"] == status, "the problem's status is another")?;
            if_so(document["request_id"] == request_id, "the problem is another request's")?;
            let faults = document["errors"].as_array().map_or(0, Vec::len);
            let is_invalid = document["type"].as_str().is_some_and(|it| it.ends_with(":invalid-input"));
            if_so(
                is_invalid == (faults > 0),
                "faults are listed where there are none, or the other way round",
            )
        }
        Format::Genkit => {
            has(document, &["status", "message"])?;
            if_so(document["status"] == canonical(status), "the error's canonical status is another")
        }
    }
}

/// The canonical status that goes with an HTTP status under `/flows` (`docs/contract.md`, "Errors").
fn canonical(status: u16) -> &'static str {
    match status {
        400 | 415 => "INVALID_ARGUMENT",
        404 => "NOT_FOUND",
        405 => "UNIMPLEMENTED",
        413 => "RESOURCE_EXHAUSTED",
        422 => "FAILED_PRECONDITION",
        502 | 503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

fn stream(body: &str, format: Format, ending: &Ending, request_id: &str) -> Result<(), String> {
    let frames = frames(body)?;
    let (last, chunks) = frames.split_last().ok_or("a stream of nothing")?;
    let (names, done): (&[&str], _) = match format {
        Format::Problem => (&["chunk", "partial"], "done"),
        Format::Genkit => (&["message"], "result"),
    };
    let mut text = String::new();
    let mut object = &Value::Null;
    for frame in chunks {
        match names.iter().find_map(|it| frame.get(it)) {
            Some(Value::String(chunk)) => text += chunk,
            Some(known @ Value::Object(_)) => object = known,
            _ => return Err("a frame before the last that is no chunk".into()),
        }
    }
    if last.get(done).is_none() && last.get("error").is_none() {
        return Err("the stream was cut: no terminal frame".into());
    }
    match ending {
        Ending::Error { status } => {
            if_so(!chunks.is_empty(), "no chunk before the error")?;
            error(&last["error"], format, *status, request_id)
        }
        Ending::Done { chunks: expected, echo } => {
            if_so(last.get("error").is_none(), "the stream failed")?;
            if format == Format::Problem {
                if_so(last["done"] == true, "`done` is not true")?;
            }
            let result = if format == Format::Problem { last } else { &last["result"] };
            if_so(result.to_string().contains(echo), "the result belongs to another input")?;
            match expected {
                Chunks::None => if_so(chunks.is_empty(), "chunks of a flow that does not stream"),
                Chunks::Text(member) => {
                    if_so(!chunks.is_empty(), "no chunks")?;
                    if_so(result[member] == text, "the chunks are not the result")
                }
                Chunks::Objects => {
                    let mut names = object.as_object().into_iter().flat_map(|it| it.keys());
                    if_so(text.is_empty() && !object.is_null(), "no partial objects")?;
                    if_so(names.all(|it| result.get(it).is_some()), "a member that the result has not")
                }
            }
        }
    }
}

/// The JSON of each frame: `data: `, spaces of a heartbeat perhaps, one line, an empty line.
fn frames(body: &str) -> Result<Vec<Value>, String> {
    let body = body.strip_suffix("\n\n").ok_or("the stream was cut: its last frame is not whole")?;
    body.split("\n\n")
        .map(|frame| {
            let data = frame.strip_prefix("data: ").ok_or("a frame without data")?;
            if_so(!data.contains('\n'), "a frame of several lines")?;
            parse(data.trim_start_matches(' '))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "soak-1";
    const PROBLEM: &str =
        r#"{"type":"urn:x:not-found","title":"t","status":404,"detail":"d","request_id":"soak-1"}"#;

    fn checked(status: u16, content_type: &str, body: &str, expect: &Expect) -> Result<(), String> {
        let answer = Answer {
            status,
            content_type: content_type.into(),
            request_id: ID.into(),
            body: body.into(),
            ..Answer::default()
        };
        check(&answer, expect, ID)
    }

    fn problem(status: u16) -> Expect {
        Expect::Error { format: Format::Problem, status }
    }

    fn streamed(body: &str, ending: Ending) -> Result<(), String> {
        let expect = Expect::Stream { format: Format::Problem, ending };
        checked(200, "text/event-stream", body, &expect)
    }

    #[test]
    fn a_result_has_its_members_and_belongs_to_its_input() {
        let expect = |envelope| Expect::Result {
            envelope,
            members: &["answer", "persona"],
            echo: Some(("answer", "ab12 more".into())),
        };
        let right = r#"{"answer":"so ab12","persona":"p"}"#;
        assert_eq!(checked(200, "application/json", right, &expect(false)), Ok(()));
        let enveloped = format!("{{\"result\":{right}}}");
        assert_eq!(checked(200, "application/json", &enveloped, &expect(true)), Ok(()));
        for wrong in [r#"{"answer":"so ab13","persona":"p"}"#, r#"{"answer":"ab12"}"#, "{", &enveloped] {
            assert!(checked(200, "application/json", wrong, &expect(false)).is_err(), "{wrong}");
        }
        assert!(checked(200, "text/plain", right, &expect(false)).is_err());
        assert!(checked(500, "application/json", right, &expect(false)).is_err());
    }

    #[test]
    fn a_problem_says_the_status_it_has() {
        let json = "application/problem+json";
        assert_eq!(checked(404, json, PROBLEM, &problem(404)), Ok(()));
        assert!(checked(404, json, &PROBLEM.replace("404", "500"), &problem(404)).is_err());
        assert!(checked(404, json, &PROBLEM.replace("soak-1", "soak-2"), &problem(404)).is_err());
        assert!(checked(404, json, &PROBLEM.replace(":\"d\"", ":\"SOAK-PROMPT\""), &problem(404)).is_err());
        assert!(checked(404, "application/json", PROBLEM, &problem(404)).is_err());
        // 405 must come with `Allow`, 503 with `Retry-After`.
        assert!(checked(405, json, &PROBLEM.replace("404", "405"), &problem(405)).is_err());
        assert!(checked(503, json, &PROBLEM.replace("404", "503"), &problem(503)).is_err());
    }

    #[test]
    fn an_error_of_a_flow_by_name_has_its_canonical_status() {
        let expect = Expect::Error { format: Format::Genkit, status: 502 };
        let body = r#"{"status":"UNAVAILABLE","message":"m"}"#;
        assert_eq!(checked(502, "application/json", body, &expect), Ok(()));
        assert!(checked(502, "application/json", &body.replace("UNAVAILABLE", "INTERNAL"), &expect).is_err());
    }

    #[test]
    fn a_stream_ends_once_with_all_its_chunks() {
        let done = || Ending::Done { chunks: Chunks::Text("joke"), echo: "ab".into() };
        let (a, b) = ("data: {\"chunk\":\"a\"}\n\n", "data:  {\"chunk\":\"b\"}\n\n");
        let end = "data: {\"done\":true,\"joke\":\"ab\"}\n\n";
        assert_eq!(streamed(&format!("{a}{b}{end}"), done()), Ok(()));
        let error = "data: {\"error\":{\"status\":502}}\n\n";
        for wrong in [
            format!("{a}{b}"),
            format!("{a}{end}"),
            format!("{a}{b}{end}{end}"),
            format!("{a}{b}{error}"),
            end.to_owned(),
            format!("{a}{b}{}", end.trim_end()),
            String::new(),
        ] {
            assert!(streamed(&wrong, done()).is_err(), "{wrong}");
        }
        let other = Ending::Done { chunks: Chunks::Text("joke"), echo: "zz".into() };
        assert!(streamed(&format!("{a}{b}{end}"), other).is_err());
    }

    #[test]
    fn a_stream_that_fails_ends_with_a_problem_after_a_chunk() {
        let failing = || Ending::Error { status: 404 };
        let error = format!("data: {{\"error\":{PROBLEM}}}\n\n");
        assert_eq!(streamed(&format!("data: {{\"chunk\":\"a\"}}\n\n{error}"), failing()), Ok(()));
        assert!(streamed(&error, failing()).is_err());
        assert!(streamed("data: {\"done\":true}\n\n", failing()).is_err());
    }
}
