//! `generate_code`: structured output whose members are prose and code, whole or as it grows.

use std::sync::LazyLock;

use api::{CodeInput, CodeOutput};
use flow_edge::{FlowError, FlowStream, Partial, RequestContext, StreamEvent};
use flow_runtime::{Generate, OutputEvent, OutputSpec, Runtime};
use flow_service::{output, to_flow_error};
use futures_util::StreamExt;

static OUTPUT: LazyLock<OutputSpec<CodeOutput>> = LazyLock::new(output);

pub(super) async fn run(ai: Runtime, _: RequestContext, input: CodeInput) -> Result<CodeOutput, FlowError> {
    ai.generate_as(request(&input), &OUTPUT).await.map_err(to_flow_error)
}

pub(super) fn stream(ai: Runtime, _: RequestContext, input: CodeInput) -> FlowStream<CodeOutput, Partial> {
    let events = ai.stream_as(request(&input), &OUTPUT);
    Box::pin(events.map(|event| match event.map_err(to_flow_error)? {
        OutputEvent::Partial(known) => Ok(StreamEvent::Chunk(Partial(known))),
        OutputEvent::Done(code) => Ok(StreamEvent::Done(code)),
    }))
}

fn request(input: &CodeInput) -> Generate {
    Generate::new()
        .system("You are a careful programmer. Your code is complete, idiomatic and free of placeholders.")
        .prompt(format!("Write {} in {}.", input.description, input.language))
}
