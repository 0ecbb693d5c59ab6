//! The events of OpenAI's streams.

use flow_runtime::ModelError;
use serde_json::{Map, Value};

use super::response::{ToolCall, add, judge, parse, read_arguments};
use crate::answer::Answer;
use crate::stream;

/// The most calls in one answer. It bounds memory while a stream is read; the runtime allows fewer.
const MAX_CALLS: usize = 128;

/// Reads the events of a stream.
#[derive(Default)]
pub(crate) struct Events {
    /// Calls come in pieces; each piece says which call it belongs to.
    calls: Vec<PartialCall>,
    /// Whether the server said that this is all.
    said_done: bool,
}

#[derive(Default)]
struct PartialCall {
    index: Option<usize>,
    id: Option<String>,
    name: String,
    arguments: String,
    /// Arguments that came as JSON and not as text.
    value: Option<Value>,
}

impl stream::Events for Events {
    fn event(&mut self, data: &[u8], answer: &mut Answer) -> Result<bool, ModelError> {
        if data.trim_ascii() == b"[DONE]" {
            self.said_done = true;
            return Ok(true);
        }
        if data.trim_ascii().is_empty() {
            return Ok(false);
        }
        let body = parse(data)?;
        if let Some(usage) = body.usage {
            answer.usage = usage.into();
        }
        // The usage comes in an event of its own, without a choice.
        let Some(choice) = body.choices.into_iter().next() else { return Ok(false) };
        let finish = judge(&choice)?;
        let mut said = choice.said();
        for piece in std::mem::take(&mut said.tool_calls) {
            answer.progress();
            self.add_call(piece)?;
        }
        add(said, answer)?;
        answer.finish = finish.or(answer.finish);
        Ok(false)
    }

    fn end(&mut self, answer: &mut Answer) -> Result<(), ModelError> {
        // Several servers end after the finish reason, others say only that they are done.
        if answer.finish.is_none() && !self.said_done {
            return Err(ModelError::upstream("the stream was cut"));
        }
        answer.end_text()?;
        for call in std::mem::take(&mut self.calls) {
            let arguments = call.value.or(Some(Value::String(call.arguments)));
            answer.call(call.name, call.id, read_arguments(arguments)?, Map::new())?;
        }
        Ok(())
    }
}

impl Events {
    fn add_call(&mut self, piece: ToolCall) -> Result<(), ModelError> {
        let ToolCall { index, id, function } = piece;
        let id = id.filter(|it| !it.is_empty());
        let known = self.calls.iter().rposition(|it| match (index, &id) {
            (Some(_), _) => it.index == index,
            (None, Some(id)) => it.id.as_ref() == Some(id),
            // A piece that says nothing goes on with the last call.
            (None, None) => true,
        });
        // Some servers number all calls alike; a further id begins a further call.
        let known =
            known.filter(|at| id.is_none() || self.calls[*at].id.is_none() || self.calls[*at].id == id);
        let at = match known {
            Some(at) => at,
            None if self.calls.len() == MAX_CALLS => {
                return Err(ModelError::unusable("too many tool calls"));
            }
            None => {
                self.calls.push(PartialCall { index, ..PartialCall::default() });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at];
        call.id = call.id.take().or(id);
        let function = function.unwrap_or_default();
        if let Some(name) = function.name {
            // Some servers repeat it with each piece.
            if call.name != name {
                call.name.push_str(&name);
            }
        }
        match function.arguments {
            Some(Value::String(text)) => call.arguments.push_str(&text),
            Some(Value::Null) | None => {}
            Some(value) => call.value = Some(value),
        }
        Ok(())
    }
}
