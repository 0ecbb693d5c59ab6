//! The same loop as a stream: text as it arrives, tools run in between, one final answer.

use futures_util::stream::try_unfold;
use futures_util::{Stream, StreamExt as _};
use tracing::{Instrument as _, Span};

use super::Conversation;
use crate::error::ModelError;
use crate::message::Part;
use crate::model::{ModelEvent, ModelResponse, ModelStream};
use crate::trace;

/// Streams a conversation. Nothing is asked before the stream is polled; dropping it ends everything.
pub(crate) fn stream(
    conversation: Conversation,
    span: Span,
) -> impl Stream<Item = Result<ModelEvent, ModelError>> + Send {
    let talk = Talk { conversation, said: String::new(), span, upstream: None, finished: false };
    // A stream built this way is over after its first error.
    try_unfold(talk, |mut talk| async move {
        let span = talk.span.clone();
        let event = talk.next().instrument(span.clone()).await;
        match &event {
            Ok(Some(ModelEvent::Done(_))) => trace::record(&span, true),
            Err(_) => trace::record(&span, false),
            _ => {}
        }
        Ok(event?.map(|event| (event, talk)))
    })
}

struct Talk {
    conversation: Conversation,
    /// The text of the turns before the current one.
    said: String,
    span: Span,
    upstream: Option<(ModelStream, Span)>,
    finished: bool,
}

impl Talk {
    async fn next(&mut self) -> Result<Option<ModelEvent>, ModelError> {
        while !self.finished {
            let (upstream, span) = match &mut self.upstream {
                Some(open) => open,
                None => self.upstream.insert(self.conversation.open().await?),
            };
            match upstream.next().instrument(span.clone()).await {
                Some(Ok(ModelEvent::Text(text))) => return Ok(Some(ModelEvent::Text(text))),
                Some(Ok(ModelEvent::Done(response))) => {
                    trace::record(span, true);
                    self.upstream = None;
                    let text = response.text();
                    match self.conversation.advance(response).await? {
                        Some(answer) => return self.finish(answer).map(Some),
                        None => self.said.push_str(&text),
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

    /// The last event: its text is all that was streamed, not only the last turn's.
    fn finish(&mut self, mut answer: ModelResponse) -> Result<ModelEvent, ModelError> {
        self.finished = true;
        if !self.said.is_empty() {
            answer.message.content.insert(0, Part::text(std::mem::take(&mut self.said)));
        }
        if answer.text().trim().is_empty() {
            return Err(ModelError::unusable("empty"));
        }
        Ok(ModelEvent::Done(answer))
    }
}
