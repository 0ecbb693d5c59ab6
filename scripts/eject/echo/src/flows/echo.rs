//! `echo`: the model says a text back, whole or streamed. A place to begin.

use api::{EchoInput, EchoOutput};
use flow_edge::{FlowError, FlowStream, RequestContext, StreamEvent};
use flow_runtime::{Generate, ModelEvent, Runtime};
use flow_service::to_flow_error;
use futures_util::StreamExt;

pub(super) async fn run(ai: Runtime, _: RequestContext, input: EchoInput) -> Result<EchoOutput, FlowError> {
    let answer = ai.generate(prompt(&input)).await.map_err(to_flow_error)?;
    Ok(EchoOutput { text: answer.text() })
}

pub(super) fn stream(ai: Runtime, _: RequestContext, input: EchoInput) -> FlowStream<EchoOutput> {
    Box::pin(ai.stream(prompt(&input)).map(|event| match event.map_err(to_flow_error)? {
        ModelEvent::Text(text) => Ok(StreamEvent::Chunk(text)),
        ModelEvent::Done(answer) => Ok(StreamEvent::Done(EchoOutput { text: answer.text() })),
    }))
}

fn prompt(input: &EchoInput) -> Generate {
    Generate::new()
        .system("Repeat what the user says, word by word, and add nothing.")
        .prompt(input.text.clone())
}
