//! `tell_joke`: the plainest flow, whole or streamed.

use api::{JokeInput, JokeResponse};
use flow_edge::{FlowError, FlowStream, RequestContext, StreamEvent};
use flow_runtime::{Generate, ModelEvent, Runtime};
use flow_service::to_flow_error;
use futures_util::StreamExt;

pub(super) async fn run(
    ai: Runtime,
    ctx: RequestContext,
    input: JokeInput,
) -> Result<JokeResponse, FlowError> {
    let answer = ai.generate(prompt(&input)).await.map_err(to_flow_error)?;
    Ok(JokeResponse { joke: answer.text(), username: ctx.username(input.username) })
}

pub(super) fn stream(ai: Runtime, ctx: RequestContext, input: JokeInput) -> FlowStream<JokeResponse> {
    let events = ai.stream(prompt(&input));
    let username = ctx.username(input.username);
    Box::pin(events.map(move |event| match event.map_err(to_flow_error)? {
        ModelEvent::Text(text) => Ok(StreamEvent::Chunk(text)),
        ModelEvent::Done(answer) => {
            Ok(StreamEvent::Done(JokeResponse { joke: answer.text(), username: username.clone() }))
        }
    }))
}

fn prompt(input: &JokeInput) -> Generate {
    Generate::new().prompt(format!("Tell a short, friendly joke about {}.", input.name))
}
