//! The routes of the flows. A handler is one call of a flow: its extractors decode the input, its return type writes
//! the answer.

use api::*;
use poem_openapi::OpenApi;

use crate::Routes;
use crate::extract::{Ctx, Input};
#[allow(unused_imports, reason = "a set of flows may have only streams, or none")]
use crate::reply::{Events, Output, Reply, StreamReply};

/// The routes of this project. poem-openapi gathers its operations in one type.
pub(crate) struct FlowRoutes(App);

impl Routes for FlowRoutes {
    type Flows = dyn FlowService;

    fn routes(app: App) -> Self {
        Self(app)
    }
}

#[OpenApi]
impl FlowRoutes {
    // eject: tell_joke
    #[oai(path = "/tell-joke", method = "post")]
    async fn tell_joke(&self, ctx: Ctx, input: Input<JokeInput>) -> Reply<JokeResponse> {
        Ok(Output(self.0.flows.tell_joke(&ctx.0, input.0).await?))
    }

    #[oai(path = "/tell-joke/stream", method = "post")]
    async fn tell_joke_stream(&self, ctx: Ctx, input: Input<JokeInput>) -> StreamReply {
        Events::start(&ctx.0, self.0.flows.tell_joke_stream(&ctx.0, input.0)).await
    }

    // eject: tell_story
    #[oai(path = "/tell-story/stream", method = "post")]
    async fn tell_story(&self, ctx: Ctx, input: Input<StoryInput>) -> StreamReply {
        Events::start(&ctx.0, self.0.flows.tell_story(&ctx.0, input.0)).await
    }

    // eject: translate_text
    #[oai(path = "/translate", method = "post")]
    async fn translate_text(&self, ctx: Ctx, input: Input<TranslateInput>) -> Reply<TranslationResult> {
        Ok(Output(self.0.flows.translate_text(&ctx.0, input.0).await?))
    }

    // eject: describe_image
    #[oai(path = "/describe-image", method = "post")]
    async fn describe_image(&self, ctx: Ctx, input: Input<ImageInput>) -> Reply<ImageResponse> {
        Ok(Output(self.0.flows.describe_image(&ctx.0, input.0).await?))
    }

    // eject: generate_character
    #[oai(path = "/generate-character", method = "post")]
    async fn generate_character(&self, ctx: Ctx, input: Input<CharacterInput>) -> Reply<RpgCharacter> {
        Ok(Output(self.0.flows.generate_character(&ctx.0, input.0).await?))
    }

    // eject: pirate_chat
    #[oai(path = "/chat", method = "post")]
    async fn pirate_chat(&self, ctx: Ctx, input: Input<ChatInput>) -> Reply<ChatResponse> {
        Ok(Output(self.0.flows.pirate_chat(&ctx.0, input.0).await?))
    }

    // eject: generate_code
    #[oai(path = "/generate-code", method = "post")]
    async fn generate_code(&self, ctx: Ctx, input: Input<CodeInput>) -> Reply<CodeOutput> {
        Ok(Output(self.0.flows.generate_code(&ctx.0, input.0).await?))
    }

    #[oai(path = "/generate-code/stream", method = "post")]
    async fn generate_code_stream(&self, ctx: Ctx, input: Input<CodeInput>) -> StreamReply {
        Events::start(&ctx.0, self.0.flows.generate_code_stream(&ctx.0, input.0)).await
    }

    // eject: review_code
    #[oai(path = "/review-code", method = "post")]
    async fn review_code(&self, ctx: Ctx, input: Input<CodeReviewInput>) -> Reply<CodeReview> {
        Ok(Output(self.0.flows.review_code(&ctx.0, input.0).await?))
    }
    // eject: end
    // eject: insert handlers
}
