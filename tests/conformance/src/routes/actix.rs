//! The test flows on actix-web.

use actix_web::web::{ServiceConfig, ThinData};
use adapter_actix::extract::{Ctx, Input};
use adapter_actix::reply::{Events, Output, Reply, StreamReply};
use adapter_actix::{Routes, post};
use utoipa::OpenApi;

use crate::api::*;

#[derive(OpenApi)]
#[openapi(paths(
    write_note,
    write_note_stream,
    stream_sentences,
    extract_facts,
    caption_media,
    fill_form,
    fill_form_stream
))]
pub(super) struct TestRoutes;

impl Routes for TestRoutes {
    type Flows = dyn TestFlows;

    fn routes(config: &mut ServiceConfig) {
        config
            .service(post("/write-note", write_note))
            .service(post("/write-note/stream", write_note_stream))
            .service(post("/stream-sentences", stream_sentences))
            .service(post("/extract", extract_facts))
            .service(post("/caption-media", caption_media))
            .service(post("/fill-form", fill_form))
            .service(post("/fill-form/stream", fill_form_stream));
    }
}

#[utoipa::path(post, path = "/write-note", request_body = NoteInput, responses((status = 200, body = Note)))]
async fn write_note(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<NoteInput>) -> Reply<Note> {
    Ok(Output(app.flows.write_note(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/write-note/stream", request_body = NoteInput, responses((status = 200, body = str)))]
async fn write_note_stream(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<NoteInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.write_note_stream(&ctx.0, input.0)).await
}

#[utoipa::path(post, path = "/stream-sentences", request_body = TopicInput, responses((status = 200, body = str)))]
async fn stream_sentences(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<TopicInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.stream_sentences(&ctx.0, input.0)).await
}

#[utoipa::path(post, path = "/extract", request_body = FactsInput, responses((status = 200, body = Facts)))]
async fn extract_facts(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<FactsInput>) -> Reply<Facts> {
    Ok(Output(app.flows.extract_facts(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/caption-media", request_body = MediaInput, responses((status = 200, body = Caption)))]
async fn caption_media(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<MediaInput>) -> Reply<Caption> {
    Ok(Output(app.flows.caption_media(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/fill-form", request_body = FormInput, responses((status = 200, body = Form)))]
async fn fill_form(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<FormInput>) -> Reply<Form> {
    Ok(Output(app.flows.fill_form(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/fill-form/stream", request_body = FormInput, responses((status = 200, body = str)))]
async fn fill_form_stream(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<FormInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.fill_form_stream(&ctx.0, input.0)).await
}
