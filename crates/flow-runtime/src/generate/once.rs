//! One call of a model, in its span: a turn of a conversation, or all that is asked.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::event::Events;
use crate::error::ModelError;
use crate::model::{Model, ModelChunk, ModelRequest, ModelResponse, ModelStream};
use crate::model_call::{Meters, ModelCall};
use crate::resilience::until;

/// Asks and waits for the whole answer.
pub(crate) async fn ask(
    model: &dyn Model,
    request: &ModelRequest,
    meters: &Arc<Meters>,
) -> Result<ModelResponse, ModelError> {
    let mut call = ModelCall::new(model.name(), request, meters);
    let asking = in_time(request.deadline, model.generate(request));
    let outcome = asking.instrument(call.span.clone()).await;
    let response = outcome.inspect_err(|error| call.failed(error))?;
    call.answered(&response);
    Ok(response)
}

/// Asks for a stream, in a span that the caller finishes.
pub(crate) async fn open(
    model: &dyn Model,
    request: &ModelRequest,
    meters: &Arc<Meters>,
) -> Result<(ModelStream, ModelCall), ModelError> {
    let mut call = ModelCall::new(model.name(), request, meters);
    let opening = in_time(request.deadline, model.stream(request));
    let outcome = opening.instrument(call.span.clone()).await;
    let upstream = outcome.inspect_err(|error| call.failed(error))?;
    call.first_chunk();
    Ok((upstream, call))
}

/// The chunks of an answer. Nothing is asked before it is polled.
pub(crate) fn stream(
    model: Result<Arc<dyn Model>, ModelError>,
    request: ModelRequest,
    meters: Arc<Meters>,
) -> Events<ModelChunk> {
    let start = async move { open(&*model?, &request, &meters).await };
    let chunks = stream::once(start).flat_map(|opened| match opened {
        Ok((upstream, mut call)) => upstream
            .inspect(move |chunk| match chunk {
                Ok(ModelChunk::Done(answer)) => call.answered(answer),
                Ok(ModelChunk::Text(text) | ModelChunk::Thought(text)) => call.wrote(text),
                Err(error) => call.failed(error),
            })
            .boxed(),
        Err(error) => stream::once(async { Err(error) }).boxed(),
    });
    chunks.boxed()
}

/// Work that must be done by a deadline, if there is one.
async fn in_time<T>(
    deadline: Option<Instant>,
    work: impl Future<Output = Result<T, ModelError>>,
) -> Result<T, ModelError> {
    match deadline {
        Some(deadline) => until(deadline, work).await,
        None => work.await,
    }
}
