//! Answers of version 1.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::action::{Event, Outcome};
use crate::error::ActionError;
use crate::run::Run;

const TRACE: HeaderName = HeaderName::from_static("x-genkit-trace-id");
const SPAN: HeaderName = HeaderName::from_static("x-genkit-span-id");
const VERSION: HeaderName = HeaderName::from_static("x-genkit-version");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

pub(super) fn json(status: StatusCode, value: &Value) -> Answer {
    answer(status, Full::from(value.to_string()).boxed_unsync(), JSON)
}

pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    answer(status, Full::from(text.to_owned()).boxed_unsync(), TEXT)
}

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = text(status, "");
    answer.headers_mut().remove(CONTENT_TYPE);
    answer
}

/// A failure before there is a run.
pub(super) fn failure(status: StatusCode, error: ActionError) -> Answer {
    json(status, &error.into_json(None))
}

/// The answer of a run. Its head goes out at once, so that the tools can show its trace and cancel it.
pub(super) fn run(run: Run, is_stream: bool) -> Answer {
    let ids = [(TRACE, run.trace.clone()), (SPAN, run.span.clone())];
    let frames = stream::unfold(Some(run), |run| async {
        let mut run = run?;
        let event = run.events.recv().await?;
        let (line, rest) = match event {
            Event::Chunk(chunk) => (format!("{chunk}\n"), Some(run)),
            // The last line has no end: the tools would take it for a chunk.
            Event::End(outcome) => (end(outcome, &run.trace).to_string(), None),
        };
        Some((Ok(Frame::data(Bytes::from(line))), rest))
    });
    let body = StreamBody::new(frames).boxed_unsync();
    let mut answer = answer(StatusCode::OK, body, if is_stream { TEXT } else { JSON });
    for (name, id) in ids {
        if let Ok(id) = HeaderValue::from_str(&id) {
            answer.headers_mut().insert(name, id);
        }
    }
    answer
}

/// The last of a run's answer.
fn end(outcome: Outcome, trace: &str) -> Value {
    match outcome {
        Ok(result) => json!({ "result": result, "telemetry": { "traceId": trace } }),
        Err(error) => json!({ "error": error.into_json(Some(trace)) }),
    }
}

fn answer(status: StatusCode, body: UnsyncBoxBody<Bytes, Infallible>, content_type: HeaderValue) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer.headers_mut().insert(VERSION, HeaderValue::from_static(crate::VERSION));
    answer
}
