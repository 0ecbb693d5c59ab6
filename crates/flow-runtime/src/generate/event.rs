//! What a streamed call yields.

use std::pin::Pin;

use futures_util::Stream;
use serde_json::Value;

use crate::error::ModelError;
use crate::message::{ToolRequest, ToolResponse};
use crate::model::ModelResponse;

/// An answer as it arrives: [`Runtime::stream`](crate::Runtime::stream).
pub type ModelEvents = Events<ModelEvent>;

/// An answer as it arrives, in events of some kind.
pub type Events<E> = Pin<Box<dyn Stream<Item = Result<E, ModelError>> + Send>>;

/// One event of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelEvent {
    /// More text.
    Text(String),
    /// The end: the whole answer, its text included.
    Done(ModelResponse),
}

/// One event of a streamed call, with all that happens on the way: [`Runtime::stream_all`](crate::Runtime::stream_all).
#[derive(Clone, Debug, PartialEq)]
pub enum GenerateEvent {
    /// More text.
    Text(String),
    /// More of what the model thinks. It is no part of the answer.
    Thought(String),
    /// The model calls a tool, which runs next.
    ToolCall(ToolRequest),
    /// What a tool returned to the model.
    ToolResult(ToolResponse),
    /// The end: the whole answer, its text included.
    Done(ModelResponse),
}

/// One event of a streamed answer in JSON: [`Runtime::stream_as`](crate::Runtime::stream_as).
///
/// `P` is what an answer is read into that is not whole yet: a struct whose members are all optional, or any JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputEvent<T, P = Value> {
    /// All that is known so far. Where the model had to repair its answer, it begins anew.
    Partial(P),
    /// The end: the whole answer, which satisfies its schema.
    Done(T),
}
