//! A conversation: ask, run the tools that the model calls, ask again, at most `max_turns` times.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tracing::{Instrument as _, Span};

use crate::error::ModelError;
use crate::message::{Message, Part, Role, ToolRequest, ToolResponse};
use crate::model::{FinishReason, Model, ModelRequest, ModelResponse, ModelStream, Usage};
use crate::tool::Tool;
use crate::trace;

/// A model, what it has been asked so far, and the tools it may use.
pub(crate) struct Conversation {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) request: ModelRequest,
    tools: Vec<Tool>,
    tool_timeout: Duration,
    turns_left: usize,
    usage: Usage,
}

impl Conversation {
    pub(crate) fn new(
        model: Arc<dyn Model>,
        mut request: ModelRequest,
        tools: Vec<Tool>,
        tool_timeout: Duration,
        max_turns: usize,
    ) -> Self {
        request.tools = tools.iter().map(|tool| tool.definition().clone()).collect();
        Self { model, request, tools, tool_timeout, turns_left: max_turns, usage: Usage::default() }
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
        Ok((upstream, span))
    }

    /// Runs the tools that an answer asks for and returns `None`, or returns the answer if it asks for none.
    pub(crate) async fn advance(
        &mut self,
        mut response: ModelResponse,
    ) -> Result<Option<ModelResponse>, ModelError> {
        self.usage.input_tokens += response.usage.input_tokens;
        self.usage.output_tokens += response.usage.output_tokens;
        let calls: Vec<ToolRequest> = response.tool_requests().cloned().collect();
        if calls.is_empty() {
            response.usage = self.usage;
            return Ok(Some(response));
        }
        if response.finish_reason == FinishReason::Length {
            return Err(ModelError::unusable("cut off inside a tool call"));
        }
        self.turns_left =
            self.turns_left.checked_sub(1).ok_or(ModelError::unusable("it kept calling tools"))?;
        // Tools of one turn run concurrently; their answers keep the order of the calls.
        let answers = try_join_all(calls.into_iter().map(|call| self.run(call))).await?;
        self.request.messages.push(response.message);
        self.request.messages.push(Message::new(Role::Tool, answers));
        Ok(None)
    }

    /// Continues after `answer` with a message that lists its faults.
    pub(crate) fn object(&mut self, answer: Message, objection: String) {
        self.request.messages.push(answer);
        self.request.messages.push(Message::text(Role::User, objection));
    }

    async fn run(&self, call: ToolRequest) -> Result<Part, ModelError> {
        let output: Value = match self.tools.iter().find(|tool| tool.definition().name == call.name) {
            Some(tool) => tool.call(call.input, self.tool_timeout).await?,
            None => json!({ "error": "there is no such tool" }),
        };
        let tool_response = ToolResponse { name: call.name, reference: call.reference, output };
        Ok(Part::ToolResponse { tool_response })
    }
}
