//! A streamed answer in JSON: what is known so far, then the whole, which was checked.

use futures_util::Stream;
use futures_util::stream::try_unfold;
use serde::de::DeserializeOwned;
use tracing::Span;

use super::conversation::Conversation;
use super::event::{GenerateEvent, OutputEvent};
use super::partial::PartialReader;
use super::streamed::Turns;
use super::structured::{check, objection_to, unusable};
use crate::error::ModelError;
use crate::schema::OutputSpec;

/// Streams an answer of the given shape. After a first bad answer it asks once more and lists the faults.
pub(crate) fn stream_as<T, P>(
    conversation: Conversation,
    spec: OutputSpec<T>,
    span: Span,
) -> impl Stream<Item = Result<OutputEvent<T, P>, ModelError>> + Send
where
    T: DeserializeOwned + Send + 'static,
    P: DeserializeOwned + Send + 'static,
{
    let state =
        State { turns: Turns::new(conversation, span), spec, reader: PartialReader::default(), done: false };
    try_unfold(Box::new(state), |mut state| async move {
        let event = state.next().await?;
        Ok(event.map(|event| (event, state)))
    })
}

struct State<T> {
    turns: Turns,
    spec: OutputSpec<T>,
    reader: PartialReader,
    done: bool,
}

impl<T: DeserializeOwned> State<T> {
    async fn next<P: DeserializeOwned>(&mut self) -> Result<Option<OutputEvent<T, P>>, ModelError> {
        while !self.done {
            match self.turns.next().await? {
                Some(GenerateEvent::Text(piece)) => {
                    // What does not fit its type yet may do so later.
                    let known = self.reader.push(&piece).and_then(|it| serde_json::from_value(it).ok());
                    if let Some(known) = known {
                        return Ok(Some(OutputEvent::Partial(known)));
                    }
                }
                // The text before a call of a tool is no part of the answer.
                Some(GenerateEvent::ToolCall(_)) => self.reader = PartialReader::default(),
                Some(GenerateEvent::Done(mut answer)) => {
                    let outcome = check(&mut answer, self.spec.schema(), |value| self.spec.read(value))?;
                    match outcome {
                        Ok(whole) => {
                            self.turns.keep(&answer).await?;
                            self.done = true;
                            return Ok(Some(OutputEvent::Done(whole)));
                        }
                        Err(violations) if self.turns.repeated => return Err(unusable(&violations)),
                        Err(violations) => {
                            let (answer, objection) = objection_to(&answer, &violations);
                            self.turns.ask_again(Some(answer), objection);
                            self.reader = PartialReader::default();
                        }
                    }
                }
                Some(GenerateEvent::Thought(_) | GenerateEvent::ToolResult(_)) => {}
                None => self.done = true,
            }
        }
        Ok(None)
    }
}
