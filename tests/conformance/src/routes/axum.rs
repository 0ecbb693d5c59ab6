//! The test flows on axum.

use adapter_axum::Routes;
use adapter_axum::extract::{Ctx, Input};
use adapter_axum::reply::{Events, Output, Reply, StreamReply};
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::*;

pub(super) struct TestRoutes;

impl Routes for TestRoutes {
    type Flows = dyn TestFlows;

    fn routes() -> OpenApiRouter<App> {
        OpenApiRouter::new()
            .routes(routes!(write_note))
            .routes(routes!(write_note_stream))
            .routes(routes!(stream_sentences))
            .routes(routes!(extract_facts))
            .routes(routes!(caption_media))
            .routes(routes!(fill_form))
            .routes(routes!(fill_form_stream))
    }
}

#[utoipa::path(post, path = "/write-note", request_body = NoteInput, responses((status = 200, body = Note)))]
async fn write_note(State(app): State<App>, ctx: Ctx, input: Input<NoteInput>) -> Reply<Note> {
    Ok(Output(app.flows.write_note(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/write-note/stream", request_body = NoteInput, responses((status = 200, body = str)))]
async fn write_note_stream(State(app): State<App>, ctx: Ctx, input: Input<NoteInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.write_note_stream(&ctx.0, input.0)).await
}

#[utoipa::path(post, path = "/stream-sentences", request_body = TopicInput, responses((status = 200, body = str)))]
async fn stream_sentences(State(app): State<App>, ctx: Ctx, input: Input<TopicInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.stream_sentences(&ctx.0, input.0)).await
}

#[utoipa::path(post, path = "/extract", request_body = FactsInput, responses((status = 200, body = Facts)))]
async fn extract_facts(State(app): State<App>, ctx: Ctx, input: Input<FactsInput>) -> Reply<Facts> {
    Ok(Output(app.flows.extract_facts(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/caption-media", request_body = MediaInput, responses((status = 200, body = Caption)))]
async fn caption_media(State(app): State<App>, ctx: Ctx, input: Input<MediaInput>) -> Reply<Caption> {
    Ok(Output(app.flows.caption_media(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/fill-form", request_body = FormInput, responses((status = 200, body = Form)))]
async fn fill_form(State(app): State<App>, ctx: Ctx, input: Input<FormInput>) -> Reply<Form> {
    Ok(Output(app.flows.fill_form(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/fill-form/stream", request_body = FormInput, responses((status = 200, body = str)))]
async fn fill_form_stream(State(app): State<App>, ctx: Ctx, input: Input<FormInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.fill_form_stream(&ctx.0, input.0)).await
}
