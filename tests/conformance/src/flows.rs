//! What the test flows do: ask the model in every way there is, and panic when told to.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use flow_edge::{FlowError, FlowStream, Partial, Readiness, Ready, RequestContext, StreamEvent};
use flow_runtime::{Generate, ModelError, ModelEvent, OutputEvent, OutputSpec, Runtime, Tool, ToolError};
use flow_service::{FlowDeps, FlowRunner, output, to_flow_error};
use futures_util::{StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::*;

/// A word in an input that makes a flow panic. Streamed notes do it after their first chunk, sentences before there
/// is a stream.
pub const PANIC: &str = "PANIC";

const CLOCK: &str = "clock";

static FACTS: LazyLock<OutputSpec<Facts>> = LazyLock::new(output);
static FORM: LazyLock<OutputSpec<Form>> = LazyLock::new(output);

struct Flows(FlowRunner);

/// Makes the test flows.
pub fn flows(deps: FlowDeps) -> Result<Arc<dyn TestFlows>, ModelError> {
    let runner = FlowRunner::new(FLOWS, deps, |runtime| {
        Ok(runtime.tool(Tool::new(CLOCK, "Tells the time.", tell_time)?))
    });
    Ok(Arc::new(Flows(runner?)))
}

impl Ready for Flows {
    fn readiness(&self) -> Readiness {
        self.0.readiness()
    }
}

#[async_trait]
impl TestFlows for Flows {
    async fn write_note(&self, ctx: &RequestContext, input: NoteInput) -> Result<Note, FlowError> {
        self.0.call(flow::WRITE_NOTE, ctx, input, write_note).await
    }

    fn write_note_stream(&self, ctx: &RequestContext, input: NoteInput) -> FlowStream<Note> {
        self.0.stream(flow::WRITE_NOTE, ctx, input, write_note_stream)
    }

    fn stream_sentences(&self, ctx: &RequestContext, input: TopicInput) -> FlowStream<Sentences> {
        self.0.stream(flow::STREAM_SENTENCES, ctx, input, stream_sentences)
    }

    async fn extract_facts(&self, ctx: &RequestContext, input: FactsInput) -> Result<Facts, FlowError> {
        self.0.call(flow::EXTRACT_FACTS, ctx, input, extract_facts).await
    }

    async fn caption_media(&self, ctx: &RequestContext, input: MediaInput) -> Result<Caption, FlowError> {
        self.0.call(flow::CAPTION_MEDIA, ctx, input, caption_media).await
    }

    async fn fill_form(&self, ctx: &RequestContext, input: FormInput) -> Result<Form, FlowError> {
        self.0.call(flow::FILL_FORM, ctx, input, fill_form).await
    }

    fn fill_form_stream(&self, ctx: &RequestContext, input: FormInput) -> FlowStream<Form, Partial> {
        self.0.stream(flow::FILL_FORM, ctx, input, fill_form_stream)
    }
}

async fn write_note(ai: Runtime, ctx: RequestContext, input: NoteInput) -> Result<Note, FlowError> {
    assert!(!input.name.contains(PANIC), "on purpose");
    let answer = ai.generate(note(&input)).await.map_err(to_flow_error)?;
    Ok(Note { note: answer.text(), username: ctx.username(input.username) })
}

fn write_note_stream(ai: Runtime, ctx: RequestContext, input: NoteInput) -> FlowStream<Note> {
    let events = ai.stream(note(&input));
    let panics = input.name.contains(PANIC);
    let username = ctx.username(input.username);
    Box::pin(events.enumerate().map(move |(nth, event)| {
        assert!(!panics || nth == 0, "on purpose");
        match event.map_err(to_flow_error)? {
            ModelEvent::Text(text) => Ok(StreamEvent::Chunk(text)),
            ModelEvent::Done(answer) => {
                Ok(StreamEvent::Done(Note { note: answer.text(), username: username.clone() }))
            }
        }
    }))
}

fn note(input: &NoteInput) -> Generate {
    Generate::new().prompt(format!("Write a note about {}.", input.name))
}

/// Makes its own chunks: a sentence each.
fn stream_sentences(ai: Runtime, _: RequestContext, input: TopicInput) -> FlowStream<Sentences> {
    assert!(!input.topic.contains(PANIC), "on purpose");
    let events = ai.stream(Generate::new().prompt(format!("Write sentences about {}.", input.topic)));
    // The text that has come but does not yet end a sentence.
    let mut pending = String::new();
    Box::pin(events.flat_map(move |event| {
        stream::iter(match event {
            Err(error) => vec![Err(to_flow_error(error))],
            Ok(ModelEvent::Text(text)) => {
                pending.push_str(&text);
                let mut ends = pending.rmatch_indices(' ').map(|(at, _)| at);
                let end = ends.find(|at| pending[..*at].ends_with(['.', '!', '?']));
                end.map(|at| Ok(StreamEvent::Chunk(pending.drain(..=at).collect()))).into_iter().collect()
            }
            Ok(ModelEvent::Done(answer)) => {
                let rest = std::mem::take(&mut pending);
                let last = (!rest.is_empty()).then_some(Ok(StreamEvent::Chunk(rest)));
                let done = Ok(StreamEvent::Done(Sentences { text: answer.text() }));
                last.into_iter().chain([done]).collect()
            }
        })
    }))
}

/// Has a tool, and limits on what the model may say.
async fn extract_facts(ai: Runtime, _: RequestContext, input: FactsInput) -> Result<Facts, FlowError> {
    let request = Generate::new()
        .system("Ask the clock where the text speaks of the present.")
        .prompt(format!("State the facts in {}:\n\n{}", input.language, input.text))
        .tools([CLOCK]);
    let facts = ai.generate_as(request, &FACTS).await.map_err(to_flow_error)?;
    Ok(Facts { source_text: input.text, ..facts })
}

async fn caption_media(ai: Runtime, _: RequestContext, input: MediaInput) -> Result<Caption, FlowError> {
    let request = Generate::new().prompt("Caption this image.").media(input.media_url.clone(), None);
    let answer = ai.generate(request).await.map_err(to_flow_error)?;
    Ok(Caption { caption: answer.text(), media_url: input.media_url })
}

async fn fill_form(ai: Runtime, _: RequestContext, input: FormInput) -> Result<Form, FlowError> {
    let form = ai.generate_as(form(&input), &FORM).await.map_err(to_flow_error)?;
    Ok(Form { title: input.title, copies: input.copies, ..form })
}

fn fill_form_stream(ai: Runtime, _: RequestContext, input: FormInput) -> FlowStream<Form, Partial> {
    let events = ai.stream_as(form(&input), &FORM);
    Box::pin(events.map(move |event| match event.map_err(to_flow_error)? {
        OutputEvent::Partial(known) => Ok(StreamEvent::Chunk(Partial(known))),
        OutputEvent::Done(form) => {
            Ok(StreamEvent::Done(Form { title: input.title.clone(), copies: input.copies, ..form }))
        }
    }))
}

fn form(input: &FormInput) -> Generate {
    Generate::new().prompt(format!("Fill the form titled {}.", input.title))
}

#[derive(Deserialize, JsonSchema)]
struct NoInput {}

/// Noon, at all times.
#[derive(Serialize, JsonSchema)]
struct Time {
    /// RFC 3339, UTC.
    utc: &'static str,
}

async fn tell_time(_: NoInput) -> Result<Time, ToolError> {
    Ok(Time { utc: "2026-01-01T12:00:00Z" })
}
