//! A conversation: ask, run the tools that the model calls, ask again, at most `max_turns` times.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use super::{once, resume};
use crate::error::ModelError;
use crate::message::{Message, Role, ToolRequest};
use crate::model::{FinishReason, Model, ModelRequest, ModelResponse, ModelStream, Usage};
use crate::model_call::{Meters, ModelCall};
use crate::session::Session;
use crate::state::ToolContext;
use crate::tool::{Tool, ToolOutcome};

/// The most calls of tools in one turn, and how many of them run at once.
const MAX_CALLS: usize = 64;
const CALLS_AT_ONCE: usize = 8;

/// The longest result of a tool, in bytes of JSON. A model pays for each of them.
const MAX_OUTPUT: usize = 256 * 1024;

/// A model, what it has been asked so far, and the tools it may use.
pub(crate) struct Conversation {
    /// With all that guards it; see [`RuntimeBuilder::build`](crate::RuntimeBuilder::build).
    pub(crate) model: Arc<dyn Model>,
    pub(crate) request: ModelRequest,
    tools: Vec<Tool>,
    tool_timeout: Duration,
    context: ToolContext,
    turns_left: usize,
    usage: Usage,
    observer: Option<Observer>,
    meters: Arc<Meters>,
    /// Where the conversation is kept, and where the turn begins that is to be kept.
    session: Option<(Session, usize)>,
    /// A refused answer and what was said of it. They are no part of the conversation that is kept.
    objection: Range<usize>,
}

/// The tools of a conversation, and all about calling them.
pub(crate) struct Tooling {
    pub(crate) tools: Vec<Tool>,
    pub(crate) timeout: Duration,
    pub(crate) max_turns: usize,
    pub(crate) context: ToolContext,
    pub(crate) observer: Option<Observer>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) session: Option<(Session, usize)>,
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
    pub(crate) fn new(model: Arc<dyn Model>, mut request: ModelRequest, tooling: Tooling) -> Self {
        let Tooling { tools, timeout: tool_timeout, max_turns, context, observer, meters, session } = tooling;
        request.tools = tools.iter().map(|tool| tool.definition().clone()).collect();
        let (turns_left, usage) = (max_turns, Usage::default());
        let objection = 0..0;
        Self {
            model,
            request,
            tools,
            tool_timeout,
            context,
            turns_left,
            usage,
            observer,
            meters,
            session,
            objection,
        }
    }

    /// Asks until the model calls no more tools. The answer's usage is the sum over all turns.
    pub(crate) async fn ask(&mut self) -> Result<ModelResponse, ModelError> {
        loop {
            let response = once::ask(&*self.model, &self.request, &self.meters).await?;
            if let Some(answer) = self.advance(response).await? {
                return Ok(answer);
            }
        }
    }

    /// Asks once, as a stream, in a span that the caller finishes.
    pub(crate) async fn open(&self) -> Result<(ModelStream, ModelCall), ModelError> {
        let (upstream, call) = once::open(&*self.model, &self.request, &self.meters).await?;
        if let Some(observer) = &self.observer {
            observer(Progress::Began(&upstream.model));
        }
        Ok((upstream, call))
    }

    /// Runs the tools that an answer asks for and returns `None`, or returns the answer if it asks for none.
    pub(crate) async fn advance(
        &mut self,
        mut response: ModelResponse,
    ) -> Result<Option<ModelResponse>, ModelError> {
        self.usage += response.usage;
        let calls: Vec<ToolRequest> = response.tool_requests().cloned().collect();
        if calls.is_empty() {
            return Ok(Some(self.answered(response)));
        }
        if response.finish_reason == FinishReason::Length {
            return Err(ModelError::unusable("cut off inside a tool call"));
        }
        self.turns_left =
            self.turns_left.checked_sub(1).ok_or(ModelError::unusable("it kept calling tools"))?;
        if calls.len() > MAX_CALLS {
            return Err(ModelError::unusable("too many tool calls"));
        }
        // Some tools of one turn run at once; their answers keep the order of the calls.
        let running = stream::iter(calls.into_iter().map(|call| self.run(call)));
        let outcomes: Vec<ToolOutcome> = running.buffered(CALLS_AT_ONCE).try_collect().await?;
        if outcomes.iter().any(|it| matches!(it, ToolOutcome::Interrupt(_))) {
            resume::keep(&mut response.message, outcomes);
            response.finish_reason = FinishReason::Interrupted;
            return Ok(Some(self.answered(response)));
        }
        let results = resume::results(&response.message, outcomes);
        Arc::make_mut(&mut self.request.messages).extend([response.message, results]);
        Ok(None)
    }

    /// An answer that ends the conversation for now, with what is known of all of it.
    fn answered(&self, mut response: ModelResponse) -> ModelResponse {
        response.usage = self.usage;
        response.history = self.request.messages.clone();
        if !self.objection.is_empty() {
            Arc::make_mut(&mut response.history).drain(self.objection.clone());
        }
        if let Some(observer) = &self.observer {
            observer(Progress::Answered(&response));
        }
        response
    }

    /// Continues after `answer`, if there is one, with a message that says what is wrong with it. Called once.
    pub(crate) fn object(&mut self, answer: Option<Message>, objection: String) {
        let messages = Arc::make_mut(&mut self.request.messages);
        let begin = messages.len();
        messages.extend(answer);
        messages.push(Message::text(Role::User, objection));
        self.objection = begin..messages.len();
    }

    /// Keeps the answer in its session, if it belongs to one.
    pub(crate) async fn keep(&self, answer: &ModelResponse) -> Result<(), ModelError> {
        let Some((session, begin)) = &self.session else { return Ok(()) };
        let asked = answer.history.get(*begin..).unwrap_or_default();
        let turn: Vec<_> = asked.iter().chain([&answer.message]).cloned().collect();
        session.add(&turn).await
    }

    async fn run(&self, call: ToolRequest) -> Result<ToolOutcome, ModelError> {
        let Some(tool) = self.tools.iter().find(|tool| tool.definition().name == call.name) else {
            return Ok(ToolOutcome::Output(json!({ "error": "there is no such tool" })));
        };
        let outcome = tool.call(self.context.clone(), call.input, self.tool_timeout).await?;
        let is_long = matches!(&outcome, ToolOutcome::Output(it) if it.to_string().len() > MAX_OUTPUT);
        Ok(if is_long { ToolOutcome::Output(json!({ "error": "the result is too long" })) } else { outcome })
    }
}
