//! Examples, made by the functions that make the answers themselves.

use std::time::Duration;

use schema_example::{example, example_from_defaults};
use serde_json::{Map, Value, json};

use crate::context::{Dialect, RequestContext};
use crate::edge::Edge;
use crate::error::{ErrorKind, FlowError, Violation};
use crate::flow::{FlowInfo, Member, Readiness, StreamForm};
use crate::wire::answer;
use crate::wire::decode::{check_declared_json, coded, decode_any};
use crate::wire::frame::Frame;
use crate::wire::problem::{genkit_error, problem};
use crate::wire::{Answer, Body};

/// The request id of every example.
const REQUEST_ID: &str = "123e4567-e89b-42d3-a456-426614174000";

/// Makes the examples that depend on the application.
pub(super) struct Examples {
    ctx: RequestContext,
}

impl Examples {
    pub(super) fn new(edge: &Edge) -> Self {
        let (request_id, server) = (REQUEST_ID.into(), edge.server().clone());
        Self { ctx: RequestContext { request_id, server, ..RequestContext::detached() } }
    }

    /// An error as the client reads it.
    pub(super) fn error(&self, kind: ErrorKind, dialect: Dialect) -> Value {
        let error = self.sample(kind, dialect);
        match dialect {
            Dialect::Rest => json!(problem(&error, &self.ctx)),
            Dialect::Genkit => json!(genkit_error(&error)),
        }
    }

    /// The frames of a flow's route: to the end, and broken off.
    pub(super) fn rest_stream(&self, flow: &FlowInfo) -> Value {
        let Some(form) = flow.form else { return Value::Null };
        let output = output(flow);
        let chunks = chunks(form, &output).into_iter().map(|it| Frame::chunk(form, it));
        let done = match form {
            StreamForm::Text { member } => Frame::done(Member(member, &output[member]), false),
            StreamForm::Partial => Frame::done(&output, false),
        };
        self.stream(chunks, done, Dialect::Rest)
    }

    /// The frames of a flow called by name. One that does not stream answers with its result alone.
    pub(super) fn genkit_stream(&self, flow: &FlowInfo) -> Value {
        let output = output(flow);
        let messages = flow.form.map(|form| chunks(form, &output)).unwrap_or_default();
        self.stream(messages.into_iter().map(Frame::message), Frame::result(&output, false), Dialect::Genkit)
    }

    fn stream(
        &self,
        chunks: impl Iterator<Item = Result<Frame, FlowError>>,
        last: Result<Frame, FlowError>,
        dialect: Dialect,
    ) -> Value {
        let chunks: Vec<_> = chunks.map(text).collect();
        let failure = Frame::failure(&self.sample(ErrorKind::BadGateway, dialect), dialect, &self.ctx);
        let broken_off = [chunks.first().cloned().unwrap_or_default(), text(Ok(failure))].concat();
        json!({
            "whole": {"summary": "To its end", "value": chunks.concat() + &text(last)},
            "broken-off": {"summary": "Broken off by an error", "value": broken_off},
        })
    }

    /// An error of this kind.
    fn sample(&self, kind: ErrorKind, dialect: Dialect) -> FlowError {
        let sample = match kind {
            ErrorKind::Malformed => decode_any(b"{").err(),
            ErrorKind::UnsupportedMediaType if dialect == Dialect::Genkit => Some(coded()),
            ErrorKind::UnsupportedMediaType => check_declared_json(None).err(),
            ErrorKind::Invalid => {
                let inside = if dialect == Dialect::Genkit { "/data" } else { "" };
                let violation = Violation {
                    pointer: format!("{inside}/member"),
                    detail: "must be of type string".into(),
                };
                Some(FlowError::invalid(vec![violation]))
            }
            ErrorKind::UntrustedHost => Some(FlowError::untrusted_host()),
            ErrorKind::Unauthenticated => Some(FlowError::unauthenticated()),
            ErrorKind::NotFound => Some(FlowError::no_route()),
            ErrorKind::MethodNotAllowed => Some(FlowError::no_such_method()),
            ErrorKind::BodyTooLarge => Some(FlowError::body_too_large(self.ctx.max_body_size())),
            ErrorKind::RateLimited => Some(FlowError::rate_limited(Duration::from_secs(1))),
            ErrorKind::Refused => Some(FlowError::refused()),
            ErrorKind::BadGateway => Some(FlowError::model_failed()),
            ErrorKind::Unavailable => Some(FlowError::draining()),
            ErrorKind::DeadlineExceeded => Some(FlowError::out_of_time()),
            ErrorKind::Internal => None,
        };
        sample.unwrap_or_else(|| FlowError::internal("an example"))
    }
}

/// An input of a flow: its defaults, where it has them.
pub(super) fn input(flow: &FlowInfo) -> Value {
    example_from_defaults((flow.input.document)())
}

/// A result of a flow.
pub(super) fn output(flow: &FlowInfo) -> Value {
    example((flow.output.document)())
}

/// What a stream consists of that ends with this result.
fn chunks(form: StreamForm, output: &Value) -> Vec<Value> {
    match form {
        StreamForm::Text { member } => {
            let text = output[member].as_str().unwrap_or_default();
            text.split_inclusive(' ').map(Value::from).collect()
        }
        StreamForm::Partial => {
            let members = output.as_object().into_iter().flatten();
            let grow = |known: &mut Map<String, Value>, (name, value): (&String, &Value)| {
                known.insert(name.clone(), value.clone());
                Some(Value::Object(known.clone()))
            };
            members.scan(Map::new(), grow).collect()
        }
    }
}

/// What `/health` answers.
pub(super) fn health() -> Value {
    parsed(answer::health())
}

/// What `/ready` answers.
pub(super) fn ready(draining: bool) -> Value {
    parsed(answer::ready(&Readiness { ready: true, checks: vec![] }, draining))
}

fn parsed(answer: Answer) -> Value {
    match answer.into_body() {
        Body::Whole(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Body::Events(_) => Value::Null,
    }
}

/// A frame as it is sent.
fn text(frame: Result<Frame, FlowError>) -> String {
    frame.map(|it| String::from_utf8_lossy(&it.into_bytes(false)).into_owned()).unwrap_or_default()
}
