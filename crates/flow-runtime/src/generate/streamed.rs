//! The loop as a stream: text as it arrives, tools run in between, and one final answer.

use std::collections::VecDeque;

use futures_util::stream::try_unfold;
use futures_util::{Stream, StreamExt as _};
use tracing::{Instrument as _, Span};

use super::conversation::Conversation;
use super::event::GenerateEvent;
use super::structured::AGAIN;
use crate::error::ModelError;
use crate::message::{Message, Part, Role};
use crate::model::{FinishReason, ModelChunk, ModelResponse, ModelStream};
use crate::model_call::ModelCall;
use crate::trace;

/// Streams a conversation; `select` makes its events, or drops them. It asks nothing before it is polled, and dropping
/// it cancels everything.
pub(crate) fn stream<E: Send + 'static>(
    conversation: Conversation,
    span: Span,
    select: fn(GenerateEvent) -> Option<E>,
) -> impl Stream<Item = Result<E, ModelError>> + Send {
    // The state is moved with each event, so it is boxed. `try_unfold` ends the stream after its first error.
    try_unfold(Box::new(Turns::new(conversation, span)), move |mut state| async move {
        while let Some(event) = state.next().await? {
            if let GenerateEvent::Done(answer) = &event {
                state.keep(answer).await?;
            }
            if let Some(event) = select(event) {
                return Ok(Some((event, state)));
            }
        }
        Ok(None)
    })
}

/// The turns of a conversation, streamed.
pub(super) struct Turns {
    conversation: Conversation,
    /// The text of the turns before the current one.
    earlier_text: String,
    span: Span,
    upstream: Option<(ModelStream, ModelCall)>,
    /// A turn that has come whole; its tools have not run.
    turn: Option<ModelResponse>,
    /// What has happened and was not told yet.
    events: VecDeque<GenerateEvent>,
    /// Whether any text has been passed on.
    began: bool,
    /// Whether the model was asked once more after an unusable turn.
    pub(super) repeated: bool,
    finished: bool,
}

impl Turns {
    pub(super) fn new(conversation: Conversation, span: Span) -> Self {
        Self {
            conversation,
            earlier_text: String::new(),
            span,
            upstream: None,
            turn: None,
            events: VecDeque::new(),
            began: false,
            repeated: false,
            finished: false,
        }
    }

    /// The next event. A model whose answer is empty or malformed is asked once more, if nothing was passed on.
    pub(super) async fn next(&mut self) -> Result<Option<GenerateEvent>, ModelError> {
        let outcome = loop {
            match self.advance().await {
                Err(ModelError::Malformed { .. }) if !self.began && !self.repeated => {
                    self.ask_again(None, AGAIN.to_owned());
                }
                outcome => break outcome,
            }
        };
        match &outcome {
            Ok(Some(GenerateEvent::Text(_))) => {
                self.began = true;
                // From now on only the pauses between two pieces are bounded.
                self.conversation.request.deadline = None;
            }
            Ok(Some(GenerateEvent::Done(_))) => trace::record(&self.span, true),
            Err(_) => trace::record(&self.span, false),
            _ => {}
        }
        outcome
    }

    /// Asks once more, after an unusable answer or an unusable turn.
    pub(super) fn ask_again(&mut self, answer: Option<Message>, objection: String) {
        self.conversation.object(answer, objection);
        self.upstream = None;
        self.repeated = true;
        self.finished = false;
    }

    /// Keeps the answer in its session, if it belongs to one.
    pub(super) async fn keep(&mut self, answer: &ModelResponse) -> Result<(), ModelError> {
        self.conversation.keep(answer).await
    }

    async fn advance(&mut self) -> Result<Option<GenerateEvent>, ModelError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.finished {
                return Ok(None);
            }
            if let Some(turn) = self.turn.take() {
                let text = turn.text();
                match self.conversation.advance(turn).instrument(self.span.clone()).await? {
                    Some(answer) => return self.finish(answer).map(Some),
                    None => self.earlier_text.push_str(&text),
                }
                self.events.extend(self.results());
                continue;
            }
            let (upstream, call) = match &mut self.upstream {
                Some(upstream) => upstream,
                none => none.insert(self.conversation.open().instrument(self.span.clone()).await?),
            };
            // The spans are not entered for each piece: reading one writes nothing to the log.
            match upstream.next().await {
                Some(Ok(ModelChunk::Text(text))) => {
                    call.wrote(&text);
                    return Ok(Some(GenerateEvent::Text(text)));
                }
                Some(Ok(ModelChunk::Thought(text))) => {
                    call.wrote(&text);
                    return Ok(Some(GenerateEvent::Thought(text)));
                }
                Some(Ok(ModelChunk::Done(response))) => {
                    call.answered(&response);
                    self.upstream = None;
                    self.events.extend(response.tool_requests().cloned().map(GenerateEvent::ToolCall));
                    self.turn = Some(response);
                }
                Some(Err(error)) => {
                    call.failed(&error);
                    return Err(error);
                }
                None => {
                    let error = ModelError::upstream("the stream ended early");
                    call.failed(&error);
                    return Err(error);
                }
            }
        }
    }

    /// What the tools of the last turn returned.
    fn results(&self) -> impl Iterator<Item = GenerateEvent> + use<> {
        let results = self.conversation.request.messages.last().filter(|it| it.role == Role::Tool);
        let results = results.map(|it| it.content.clone()).unwrap_or_default();
        results.into_iter().filter_map(|part| match part {
            Part::ToolResponse { tool_response } => Some(GenerateEvent::ToolResult(tool_response)),
            _ => None,
        })
    }

    /// The last event. Its text is the whole streamed text, not only that of the last turn.
    fn finish(&mut self, mut answer: ModelResponse) -> Result<GenerateEvent, ModelError> {
        self.finished = true;
        answer.earlier_text = std::mem::take(&mut self.earlier_text);
        if answer.text().trim().is_empty() && answer.finish_reason != FinishReason::Interrupted {
            return Err(ModelError::malformed("empty"));
        }
        Ok(GenerateEvent::Done(answer))
    }
}
