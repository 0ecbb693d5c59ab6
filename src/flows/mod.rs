//! The flows: what this project is about. One file each; this one gathers them behind [`FlowService`].
//!
//! `docs/add-a-flow.md` says how to add one.

mod describe_image;
mod generate_character;
mod generate_code;
mod pirate_chat;
mod review_code;
mod tell_joke;
mod tell_story;
mod tools;
mod translate_text;

use std::sync::Arc;

use api::*;
use async_trait::async_trait;
use flow_edge::{FlowError, FlowStream, Readiness, Ready, RequestContext};
use flow_runtime::ModelError;
use flow_service::{FlowDeps, FlowRunner};

/// The prompt files compiled in.
const PROMPT_FILES: &[&str] = &[review_code::SOURCE];

/// The flows, made once at the start.
struct Flows(FlowRunner);

/// Makes the flows, with the tools they use.
pub fn flows(deps: FlowDeps) -> Result<Arc<dyn FlowService>, ModelError> {
    let runner = FlowRunner::new(FLOWS, PROMPT_FILES, deps, |runtime| {
        // A prompt file with a fault is one at the start, not at the first call.
        review_code::prompt()?;
        Ok(runtime.tool(tools::get_current_time()?))
    });
    Ok(Arc::new(Flows(runner?)))
}

impl Ready for Flows {
    fn readiness(&self) -> Readiness {
        self.0.readiness()
    }
}

#[async_trait]
impl FlowService for Flows {
    async fn tell_joke(&self, ctx: &RequestContext, input: JokeInput) -> Result<JokeResponse, FlowError> {
        self.0.call(flow::TELL_JOKE, ctx, input, tell_joke::run).await
    }

    fn tell_joke_stream(&self, ctx: &RequestContext, input: JokeInput) -> FlowStream<JokeResponse> {
        self.0.stream(flow::TELL_JOKE, ctx, input, tell_joke::stream)
    }

    fn tell_story(&self, ctx: &RequestContext, input: StoryInput) -> FlowStream<StoryResponse> {
        self.0.stream(flow::TELL_STORY, ctx, input, tell_story::stream)
    }

    async fn translate_text(
        &self,
        ctx: &RequestContext,
        input: TranslateInput,
    ) -> Result<TranslationResult, FlowError> {
        self.0.call(flow::TRANSLATE_TEXT, ctx, input, translate_text::run).await
    }

    async fn describe_image(
        &self,
        ctx: &RequestContext,
        input: ImageInput,
    ) -> Result<ImageResponse, FlowError> {
        self.0.call(flow::DESCRIBE_IMAGE, ctx, input, describe_image::run).await
    }

    async fn generate_character(
        &self,
        ctx: &RequestContext,
        input: CharacterInput,
    ) -> Result<RpgCharacter, FlowError> {
        self.0.call(flow::GENERATE_CHARACTER, ctx, input, generate_character::run).await
    }

    async fn pirate_chat(&self, ctx: &RequestContext, input: ChatInput) -> Result<ChatResponse, FlowError> {
        self.0.call(flow::PIRATE_CHAT, ctx, input, pirate_chat::run).await
    }

    async fn generate_code(&self, ctx: &RequestContext, input: CodeInput) -> Result<CodeOutput, FlowError> {
        self.0.call(flow::GENERATE_CODE, ctx, input, generate_code::run).await
    }

    async fn review_code(
        &self,
        ctx: &RequestContext,
        input: CodeReviewInput,
    ) -> Result<CodeReview, FlowError> {
        self.0.call(flow::REVIEW_CODE, ctx, input, review_code::run).await
    }
}
