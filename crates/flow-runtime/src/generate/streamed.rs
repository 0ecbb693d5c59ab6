//! The loop as a stream: text as it arrives, tools run in between, and one final answer.

use futures_util::stream::try_unfold;
use futures_util::{Stream, StreamExt as _};
use tracing::{Instrument as _, Span};

use super::conversation::Conversation;
use super::structured::AGAIN;
use crate::error::ModelError;
use crate::model::{FinishReason, ModelEvent, ModelResponse, ModelStream};
use crate::trace;

/// Streams a conversation. It asks nothing before it is polled, and dropping it cancels everything.
pub(crate) fn stream(
    conversation: Conversation,
    span: Span,
) -> impl Stream<Item = Result<ModelEvent, ModelError>> + Send {
    let state = StreamState {
        conversation,
        earlier_text: String::new(),
        span,
        upstream: None,
        began: false,
        repeated: false,
        finished: false,
    };
    // The state is moved with each event, so it is boxed. `try_unfold` ends the stream after its first error.
    try_unfold(Box::new(state), |mut state| async move {
        let event = state.next().await;
        match &event {
            Ok(Some(ModelEvent::Done(_))) => trace::record(&state.span, true),
            Err(_) => trace::record(&state.span, false),
            _ => {}
        }
        Ok(event?.map(|event| (event, state)))
    })
}

struct StreamState {
    conversation: Conversation,
    /// The text of the turns before the current one.
    earlier_text: String,
    span: Span,
    upstream: Option<(ModelStream, Span)>,
    /// Whether any text has been passed on.
    began: bool,
    /// Whether the model was asked again after an empty turn.
    repeated: bool,
    finished: bool,
}

impl StreamState {
    /// The next event. A model whose answer is empty or malformed is asked once more, if nothing was passed on.
    async fn next(&mut self) -> Result<Option<ModelEvent>, ModelError> {
        loop {
            match self.advance().await {
                Err(ModelError::Malformed { .. }) if !self.began && !self.repeated => {
                    self.conversation.object(None, AGAIN.to_owned());
                    self.upstream = None;
                    self.repeated = true;
                    self.finished = false;
                }
                Ok(Some(ModelEvent::Text(text))) => {
                    self.began = true;
                    // From now on only the pauses between two pieces are bounded.
                    self.conversation.request.deadline = None;
                    return Ok(Some(ModelEvent::Text(text)));
                }
                outcome => return outcome,
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<ModelEvent>, ModelError> {
        while !self.finished {
            if self.upstream.is_none() {
                self.upstream = Some(self.conversation.open().instrument(self.span.clone()).await?);
            }
            let Some((upstream, span)) = &mut self.upstream else { continue };
            // The spans are not entered for each piece: reading one writes nothing to the log.
            match upstream.next().await {
                Some(Ok(ModelEvent::Text(text))) => return Ok(Some(ModelEvent::Text(text))),
                Some(Ok(ModelEvent::Done(response))) => {
                    trace::record(span, true);
                    self.upstream = None;
                    let text = response.text();
                    match self.conversation.advance(response).instrument(self.span.clone()).await? {
                        Some(answer) => return self.finish(answer).await.map(Some),
                        None => self.earlier_text.push_str(&text),
                    }
                }
                Some(Err(error)) => {
                    trace::record(span, false);
                    return Err(error);
                }
                None => return Err(ModelError::upstream("the stream ended early")),
            }
        }
        Ok(None)
    }

    /// The last event. Its text is the whole streamed text, not only that of the last turn.
    async fn finish(&mut self, mut answer: ModelResponse) -> Result<ModelEvent, ModelError> {
        self.finished = true;
        answer.earlier_text = std::mem::take(&mut self.earlier_text);
        if answer.text().trim().is_empty() && answer.finish_reason != FinishReason::Interrupted {
            return Err(ModelError::malformed("empty"));
        }
        self.conversation.keep(&answer).await?;
        Ok(ModelEvent::Done(answer))
    }
}
