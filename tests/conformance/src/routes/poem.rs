//! The test flows on poem.

use adapter_poem::Routes;
use adapter_poem::extract::{Ctx, Input};
use adapter_poem::reply::{Events, Output, Reply, StreamReply};
use poem_openapi::OpenApi;

use crate::api::*;

pub(super) struct TestRoutes(App);

impl Routes for TestRoutes {
    type Flows = dyn TestFlows;

    fn routes(app: App) -> Self {
        Self(app)
    }
}

#[OpenApi]
impl TestRoutes {
    #[oai(path = "/write-note", method = "post")]
    async fn write_note(&self, ctx: Ctx, input: Input<NoteInput>) -> Reply<Note> {
        Ok(Output(self.0.flows.write_note(&ctx.0, input.0).await?))
    }

    #[oai(path = "/write-note/stream", method = "post")]
    async fn write_note_stream(&self, ctx: Ctx, input: Input<NoteInput>) -> StreamReply {
        Events::start(&ctx.0, self.0.flows.write_note_stream(&ctx.0, input.0)).await
    }

    #[oai(path = "/stream-sentences", method = "post")]
    async fn stream_sentences(&self, ctx: Ctx, input: Input<TopicInput>) -> StreamReply {
        Events::start(&ctx.0, self.0.flows.stream_sentences(&ctx.0, input.0)).await
    }

    #[oai(path = "/extract", method = "post")]
    async fn extract_facts(&self, ctx: Ctx, input: Input<FactsInput>) -> Reply<Facts> {
        Ok(Output(self.0.flows.extract_facts(&ctx.0, input.0).await?))
    }

    #[oai(path = "/caption-media", method = "post")]
    async fn caption_media(&self, ctx: Ctx, input: Input<MediaInput>) -> Reply<Caption> {
        Ok(Output(self.0.flows.caption_media(&ctx.0, input.0).await?))
    }

    #[oai(path = "/fill-form", method = "post")]
    async fn fill_form(&self, ctx: Ctx, input: Input<FormInput>) -> Reply<Form> {
        Ok(Output(self.0.flows.fill_form(&ctx.0, input.0).await?))
    }

    #[oai(path = "/fill-form/stream", method = "post")]
    async fn fill_form_stream(&self, ctx: Ctx, input: Input<FormInput>) -> StreamReply {
        Events::start(&ctx.0, self.0.flows.fill_form_stream(&ctx.0, input.0)).await
    }
}
