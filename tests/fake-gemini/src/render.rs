//! A reply as bytes: the frames of `GenerateContentResponse`
//! (<https://ai.google.dev/api/generate-content#generatecontentresponse>) and the steps that send them.

use std::collections::VecDeque;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::answer;
use crate::part::{Finish, Gate, Usage};
use crate::reply::{Content, Ending, Pause, Reply};
use crate::request::{Call, Request};

const JSON: &str = "application/json; charset=UTF-8";

/// What the server carries out.
pub(crate) struct Plan {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) before: Vec<Pause>,
    pub(crate) steps: VecDeque<Step>,
}

pub(crate) enum Step {
    Send(Bytes),
    /// Lets what was sent reach the socket on its own.
    Flush,
    Wait(Duration),
    Hold(Gate),
    /// Fails the body, which closes the connection without ending it.
    Cut,
    Hang,
}

/// `chunk_delay` is for replies that name none.
pub(crate) fn plan(mut reply: Reply, request: &Request, chunk_delay: Duration) -> Plan {
    if matches!(reply.content, Content::Natural) {
        let natural = answer::answer(request);
        reply.content = natural.content;
    }
    let call = request.call.clone().unwrap_or(Call { model: "".into(), stream: false, sse: false });
    // On a unary call there is no frame to put an error in.
    if let (Ending::Error(_, fault), false) = (&reply.ending, call.stream) {
        reply.content = Content::Fault(fault.clone());
        reply.ending = Ending::Whole;
    }
    let delay = reply.chunk_delay.unwrap_or(chunk_delay);
    let mut steps = VecDeque::new();
    let (status, content_type) = match reply.content.clone() {
        Content::Raw { status, content_type, body } => {
            whole(&mut steps, body, &mut reply);
            (status, content_type)
        }
        Content::Fault(fault) => {
            let mut body = pretty(&fault.body());
            if call.stream && !call.sse {
                body = format!("[{body}]\n");
            }
            let status = fault.code;
            if let Some(seconds) = fault.retry_after {
                reply.headers.push(("retry-after".to_owned(), seconds.to_string()));
            }
            whole(&mut steps, body, &mut reply);
            (status, JSON.to_owned())
        }
        _ if call.stream => {
            let frames = frames(&reply, request);
            stream(&mut steps, &frames, &reply, delay, call.sse);
            (200, if call.sse { "text/event-stream" } else { JSON }.to_owned())
        }
        _ => {
            let frames = frames(&reply, request);
            let total = delay * u32::try_from(frames.len()).unwrap_or(u32::MAX);
            reply.before_headers.push(Pause::For(total));
            if let Some((_, gate)) = &reply.hold {
                reply.before_headers.push(Pause::Until(gate.clone()));
            }
            whole(&mut steps, pretty(&merged(frames)), &mut reply);
            (200, JSON.to_owned())
        }
    };
    let mut headers = vec![
        ("content-type".to_owned(), content_type),
        ("vary".to_owned(), "Origin, X-Origin, Referer".to_owned()),
        ("server".to_owned(), "scaffolding on HTTPServer2".to_owned()),
    ];
    headers.append(&mut reply.headers);
    Plan { status, headers, before: reply.before_headers, steps: torn(steps, reply.split) }
}

/// A body of known length, or the part of it that the ending leaves.
fn whole(steps: &mut VecDeque<Step>, body: String, reply: &mut Reply) {
    reply.headers.push(("content-length".to_owned(), body.len().to_string()));
    let mut bytes = Bytes::from(body);
    let half = bytes.len() / 2;
    match reply.ending {
        Ending::Whole | Ending::Early(_) | Ending::Error(..) => steps.push_back(Step::Send(bytes)),
        Ending::Cut(_) => steps.extend([Step::Send(bytes.split_to(half)), Step::Flush, Step::Cut]),
        Ending::Silent(0) => steps.push_back(Step::Hang),
        Ending::Silent(_) => steps.extend([Step::Send(bytes.split_to(half)), Step::Hang]),
    }
}

/// Server-sent events as Google frames them, `data: {…}\r\n\r\n`; without `alt=sse`, one JSON array.
fn stream(steps: &mut VecDeque<Step>, frames: &[Value], reply: &Reply, delay: Duration, sse: bool) {
    let frame = |index: usize, value: &Value| {
        Bytes::from(match (sse, index) {
            (true, _) => format!("data: {value}\r\n\r\n"),
            (false, 0) => format!("[{}", pretty(value)),
            (false, _) => format!(",\r\n{}", pretty(value)),
        })
    };
    let count = match reply.ending {
        Ending::Whole => frames.len(),
        Ending::Cut(n) | Ending::Early(n) | Ending::Error(n, _) | Ending::Silent(n) => n.min(frames.len()),
    };
    let hold = |steps: &mut VecDeque<Step>, sent: usize| {
        if let Some((after, gate)) = &reply.hold
            && *after == sent
        {
            steps.push_back(Step::Hold(gate.clone()));
        }
    };
    for (index, value) in frames.iter().enumerate().take(count) {
        hold(steps, index);
        if !delay.is_zero() {
            steps.push_back(Step::Wait(delay));
        }
        steps.extend([Step::Send(frame(index, value)), Step::Flush]);
    }
    hold(steps, count);
    match &reply.ending {
        Ending::Whole | Ending::Early(_) => {}
        Ending::Cut(_) => return steps.push_back(Step::Cut),
        Ending::Silent(_) => return steps.push_back(Step::Hang),
        Ending::Error(_, fault) => steps.push_back(Step::Send(frame(count, &fault.body()))),
    }
    if !sse {
        steps.push_back(Step::Send(Bytes::from_static(if count == 0 { b"[]" } else { b"]" })));
    }
}

/// The chunks of a reply, the last with the finish reason and the full usage unless the ending forbids it.
fn frames(reply: &Reply, request: &Request) -> Vec<Value> {
    let response_id = format!("fake-{}", request.index);
    let envelope = |first: (&str, Value), usage: Value| {
        let mut frame = json!({});
        frame[first.0] = first.1;
        frame["usageMetadata"] = usage;
        frame["modelVersion"] = json!(request.model());
        frame["responseId"] = json!(response_id);
        frame
    };
    let chunks = match &reply.content {
        Content::Chunks(chunks) => chunks.as_slice(),
        Content::Blocked(reason) => {
            let usage = reply.usage.unwrap_or_else(|| estimate(request, &[]));
            let feedback = json!({ "blockReason": reason });
            return vec![envelope(("promptFeedback", feedback), prompt_usage(usage))];
        }
        _ => &[],
    };
    let candidates: Vec<Value> = chunks
        .iter()
        .map(|parts| {
            let parts: Vec<&Value> = parts.iter().map(|part| &part.0).collect();
            json!({ "content": { "parts": parts, "role": "model" }, "index": 0 })
        })
        .collect();
    let usage = reply.usage.unwrap_or_else(|| estimate(request, &candidates));
    let mut frames: Vec<Value> = candidates
        .into_iter()
        .map(|candidate| envelope(("candidates", json!([candidate])), prompt_usage(usage)))
        .collect();
    if frames.is_empty() || reply.finish_alone {
        frames.push(envelope(("candidates", json!([{ "index": 0 }])), prompt_usage(usage)));
    }
    if matches!(reply.ending, Ending::Whole)
        && let Some(last) = frames.last_mut()
    {
        close(&mut last["candidates"][0], &reply.finish);
        last["usageMetadata"] = full_usage(usage);
    }
    frames
}

fn close(candidate: &mut Value, finish: &Finish) {
    candidate["finishReason"] = json!(finish.name());
    match finish {
        Finish::Safety => {
            candidate["safetyRatings"] = json!([
                { "category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true }
            ]);
        }
        Finish::MalformedFunctionCall => {
            candidate["finishMessage"] = json!("Malformed function call: print(default_api.unknown())");
        }
        _ => {}
    }
}

/// All chunks as the one response of `generateContent`: parts in order, neighbouring texts joined.
fn merged(frames: Vec<Value>) -> Value {
    let mut parts: Vec<Value> = Vec::new();
    for part in frames.iter().flat_map(|frame| crate::request::parts(&frame["candidates"][0]["content"])) {
        let joins = |a: &Value, b: &Value| {
            let plain = |part: &Value| part["text"].is_string() && part.get("thoughtSignature").is_none();
            plain(a) && plain(b) && a.get("thought") == b.get("thought")
        };
        match parts.last_mut() {
            Some(last) if joins(last, part) => {
                last["text"] =
                    json!([&last["text"], &part["text"]].map(|t| t.as_str().unwrap_or("")).concat());
            }
            _ => parts.push(part.clone()),
        }
    }
    let mut whole = frames.into_iter().next_back().unwrap_or_default();
    if !parts.is_empty()
        && let Some(candidate) = whole["candidates"][0].as_object_mut()
    {
        candidate.shift_insert(0, "content".to_owned(), json!({ "parts": parts, "role": "model" }));
    }
    whole
}

fn estimate(request: &Request, candidates: &[Value]) -> Usage {
    let tokens = |characters: usize| u32::try_from(characters.div_ceil(4)).unwrap_or(u32::MAX);
    let media = u32::try_from(request.media().len()).unwrap_or(u32::MAX);
    let parts = || candidates.iter().flat_map(|candidate| crate::request::parts(&candidate["content"]));
    let of = |thought: bool| {
        let parts = parts().filter(|part| part["thought"].as_bool().unwrap_or(false) == thought);
        tokens(parts.map(|part| part["text"].as_str().map_or(40, |text| text.chars().count())).sum())
    };
    // 258 is what Gemini counts for a small image.
    let prompt = tokens(request.prompt().chars().count()) + 258 * media;
    Usage { prompt, candidates: of(false), thoughts: of(true), cached: 0 }
}

fn prompt_usage(usage: Usage) -> Value {
    let details = json!([{ "modality": "TEXT", "tokenCount": usage.prompt }]);
    json!({
        "promptTokenCount": usage.prompt,
        "totalTokenCount": usage.prompt,
        "promptTokensDetails": details,
    })
}

fn full_usage(usage: Usage) -> Value {
    let mut json = prompt_usage(usage);
    json["candidatesTokenCount"] = json!(usage.candidates);
    json["totalTokenCount"] = json!(usage.prompt + usage.candidates + usage.thoughts);
    for (name, count) in [("thoughtsTokenCount", usage.thoughts), ("cachedContentTokenCount", usage.cached)] {
        if count > 0 {
            json[name] = json!(count);
        }
    }
    json
}

fn torn(steps: VecDeque<Step>, split: Option<usize>) -> VecDeque<Step> {
    let Some(size) = split else { return steps };
    let mut torn = VecDeque::new();
    for step in steps {
        match step {
            Step::Send(bytes) => {
                for piece in bytes.chunks(size) {
                    torn.extend([Step::Send(Bytes::copy_from_slice(piece)), Step::Flush]);
                }
            }
            other => torn.push_back(other),
        }
    }
    torn
}

/// Google indents by two and ends with a line feed.
fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
