//! A conversation: ask, run the tools that the model calls, ask again, at most `max_turns` times.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tracing::{Instrument as _, Span};

use crate::error::ModelError;
use crate::message::{Message, Part, Role, ToolRequest, ToolResponse};
use crate::model::{FinishReason, Model, ModelRequest, ModelResponse, ModelStream, Usage};
use crate::tool::Tool;
use crate::trace;

/// The most calls of tools in one turn, and how many of them run at once.
const MAX_CALLS: usize = 64;
const CALLS_AT_ONCE: usize = 8;

/// The longest result of a tool, in bytes of JSON. A model pays for each of them.
const MAX_OUTPUT: usize = 256 * 1024;

/// A model, what it has been asked so far, and the tools it may use.
pub(crate) struct Conversation {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) request: ModelRequest,
    tools: Vec<Tool>,
    tool_timeout: Duration,
    turns_left: usize,
    usage: Usage,
    observer: Option<Observer>,
}

/// Is told how a call goes.
pub(crate) type Observer = Arc<dyn Fn(Progress<'_>) + Send + Sync>;

/// How a call of a model goes.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A model has begun to stream its answer.
    Began(&'a str),
    /// A model has answered, with the usage of all turns so far.
    Answered(&'a ModelResponse),
}

impl Conversation {
    pub(crate) fn new(
        model: Arc<dyn Model>,
        mut request: ModelRequest,
        tools: Vec<Tool>,
        tool_timeout: Duration,
        max_turns: usize,
        observer: Option<Observer>,
    ) -> Self {
        request.tools = tools.iter().map(|tool| tool.definition().clone()).collect();
        Self { model, request, tools, tool_timeout, turns_left: max_turns, usage: Usage::default(), observer }
    }

    /// Asks until the model calls no more tools. The answer's usage is the sum over all turns.
    pub(crate) async fn ask(&mut self) -> Result<ModelResponse, ModelError> {
        loop {
            let span = trace::model(self.model.name());
            let response = trace::in_span(span, self.model.generate(&self.request)).await?;
            if let Some(answer) = self.advance(response).await? {
                return Ok(answer);
            }
        }
    }

    /// Asks once, as a stream, in a span that the caller finishes.
    pub(crate) async fn open(&self) -> Result<(ModelStream, Span), ModelError> {
        let span = trace::model(self.model.name());
        let opening = self.model.stream(&self.request).instrument(span.clone());
        let upstream = opening.await.inspect_err(|_| trace::record(&span, false))?;
        if let Some(observer) = &self.observer {
            observer(Progress::Began(&upstream.model));
        }
        Ok((upstream, span))
    }

    /// Runs the tools that an answer asks for and returns `None`, or returns the answer if it asks for none.
    pub(crate) async fn advance(
        &mut self,
        mut response: ModelResponse,
    ) -> Result<Option<ModelResponse>, ModelError> {
        self.usage += response.usage;
        let calls: Vec<ToolRequest> = response.tool_requests().cloned().collect();
        if calls.is_empty() {
            response.usage = self.usage;
            if let Some(observer) = &self.observer {
                observer(Progress::Answered(&response));
            }
            return Ok(Some(response));
        }
        if response.finish_reason == FinishReason::Length {
            return Err(ModelError::unusable("cut off inside a tool call"));
        }
        self.turns_left =
            self.turns_left.checked_sub(1).ok_or(ModelError::unusable("it kept calling tools"))?;
        if calls.len() > MAX_CALLS {
            return Err(ModelError::unusable("of too many calls of tools"));
        }
        // Some tools of one turn run at once; their answers keep the order of the calls.
        let running = stream::iter(calls.into_iter().map(|call| self.run(call)));
        let answers: Vec<Part> = running.buffered(CALLS_AT_ONCE).try_collect().await?;
        let messages = Arc::make_mut(&mut self.request.messages);
        messages.extend([response.message, Message::new(Role::Tool, answers)]);
        Ok(None)
    }

    /// Continues after `answer`, if there is one, with a message that says what is wrong with it.
    pub(crate) fn object(&mut self, answer: Option<Message>, objection: String) {
        let messages = Arc::make_mut(&mut self.request.messages);
        messages.extend(answer);
        messages.push(Message::text(Role::User, objection));
    }

    async fn run(&self, call: ToolRequest) -> Result<Part, ModelError> {
        let output: Value = match self.tools.iter().find(|tool| tool.definition().name == call.name) {
            Some(tool) => tool.call(call.input, self.tool_timeout).await?,
            None => json!({ "error": "there is no such tool" }),
        };
        let output = if output.to_string().len() > MAX_OUTPUT {
            json!({ "error": "the result is too long" })
        } else {
            output
        };
        let tool_response = ToolResponse { name: call.name, reference: call.reference, output };
        Ok(Part::ToolResponse { tool_response })
    }
}
