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
    async fn write_note(&self, Ctx(ctx): Ctx, Input(input): Input<NoteInput>) -> Reply<Note> {
        Ok(Output(self.0.flows.write_note(&ctx, input).await?))
    }

    #[oai(path = "/write-note/stream", method = "post")]
    async fn write_note_stream(&self, Ctx(ctx): Ctx, Input(input): Input<NoteInput>) -> StreamReply {
        Events::start(&ctx, self.0.flows.write_note_stream(&ctx, input)).await
    }

    #[oai(path = "/stream-sentences", method = "post")]
    async fn stream_sentences(&self, Ctx(ctx): Ctx, Input(input): Input<TopicInput>) -> StreamReply {
        Events::start(&ctx, self.0.flows.stream_sentences(&ctx, input)).await
    }

    #[oai(path = "/extract", method = "post")]
    async fn extract_facts(&self, Ctx(ctx): Ctx, Input(input): Input<FactsInput>) -> Reply<Facts> {
        Ok(Output(self.0.flows.extract_facts(&ctx, input).await?))
    }

    #[oai(path = "/caption-media", method = "post")]
    async fn caption_media(&self, Ctx(ctx): Ctx, Input(input): Input<MediaInput>) -> Reply<Caption> {
        Ok(Output(self.0.flows.caption_media(&ctx, input).await?))
    }

    #[oai(path = "/fill-form", method = "post")]
    async fn fill_form(&self, Ctx(ctx): Ctx, Input(input): Input<FormInput>) -> Reply<Form> {
        Ok(Output(self.0.flows.fill_form(&ctx, input).await?))
    }
}
