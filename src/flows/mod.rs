//! The flows: what this project is about. One file each; this one gathers them behind [`FlowService`].
//!
//! A new flow is a schema in `core/src/schema`, a method of the trait, a file here, and a route per adapter;
//! `ARCHITECTURE.md` has the checklist.

mod describe_image;
mod failure;
mod generate_character;
mod generate_code;
mod pirate_chat;
mod review_code;
mod tell_joke;
mod tell_story;
mod tools;
mod translate_text;

use std::sync::Arc;

use async_trait::async_trait;
use flow_core::edge::RequestContext;
use flow_core::schema::{
    CharacterInput, ChatInput, ChatResponse, CodeInput, CodeOutput, CodeReview, CodeReviewInput, ImageInput,
    ImageResponse, JokeInput, JokeResponse, RpgCharacter, Schema, StoryInput, StoryResponse, TranslateInput,
    TranslationResult,
};
use flow_core::service::{FLOWS, FlowService, FlowStream, Readiness};
use flow_core::{FlowError, Flows};
use flow_runtime::registry::FlowInfo;
use flow_runtime::{Model, ModelError, OutputSpec, Runtime};

use review_code::ReviewPrompt;

/// The flows with what they need, made once at the start.
pub struct SampleFlows {
    ai: Runtime,
    ready: bool,
    translation: OutputSpec<TranslationResult>,
    character: OutputSpec<RpgCharacter>,
    code: OutputSpec<CodeOutput>,
    review: ReviewPrompt,
}

/// Makes the flows over a model. `ready` says whether a platform may route work to them.
pub fn flows(model: Arc<dyn Model>, ready: bool) -> Result<Flows, ModelError> {
    let review = ReviewPrompt::load()?;
    let builder = FLOWS.iter().fold(Runtime::builder().default_model(model), |builder, flow| {
        builder.flow(FlowInfo {
            name: flow.name.into(),
            description: Some(flow.description.into()),
            input_schema: Some((flow.input)().clone()),
            output_schema: Some((flow.output)().clone()),
        })
    });
    let ai = builder.tool(tools::get_current_time()?).prompt(review.info()).build()?;
    Ok(Arc::new(SampleFlows {
        ai,
        ready,
        translation: output()?,
        character: output()?,
        code: output()?,
        review,
    }))
}

/// The shape a model must fill: the JSON Schema of the type, and garde's rules on what came of it.
fn output<T: Schema>() -> Result<OutputSpec<T>, ModelError> {
    let rules = |it: &T| match it.validate() {
        Ok(()) => Vec::new(),
        Err(report) => report.iter().map(|(path, error)| format!("{path}: {error}")).collect(),
    };
    Ok(OutputSpec::new(T::NAME, T::document().clone())?.with_rules(rules))
}

#[async_trait]
impl FlowService for SampleFlows {
    async fn tell_joke(&self, ctx: &RequestContext, input: JokeInput) -> Result<JokeResponse, FlowError> {
        tell_joke::run(&self.ai, ctx, input).await
    }

    fn tell_joke_stream(&self, ctx: &RequestContext, input: JokeInput) -> FlowStream<JokeResponse> {
        tell_joke::stream(&self.ai, ctx, input)
    }

    fn tell_story(&self, _: &RequestContext, input: StoryInput) -> FlowStream<StoryResponse> {
        tell_story::stream(&self.ai, &input)
    }

    async fn translate_text(
        &self,
        _: &RequestContext,
        input: TranslateInput,
    ) -> Result<TranslationResult, FlowError> {
        translate_text::run(&self.ai, &self.translation, input).await
    }

    async fn describe_image(
        &self,
        _: &RequestContext,
        input: ImageInput,
    ) -> Result<ImageResponse, FlowError> {
        describe_image::run(&self.ai, input).await
    }

    async fn generate_character(
        &self,
        _: &RequestContext,
        input: CharacterInput,
    ) -> Result<RpgCharacter, FlowError> {
        generate_character::run(&self.ai, &self.character, &input).await
    }

    async fn pirate_chat(&self, _: &RequestContext, input: ChatInput) -> Result<ChatResponse, FlowError> {
        pirate_chat::run(&self.ai, input).await
    }

    async fn generate_code(&self, _: &RequestContext, input: CodeInput) -> Result<CodeOutput, FlowError> {
        generate_code::run(&self.ai, &self.code, &input).await
    }

    async fn review_code(&self, _: &RequestContext, input: CodeReviewInput) -> Result<CodeReview, FlowError> {
        review_code::run(&self.ai, &self.review, &input).await
    }

    fn readiness(&self) -> Readiness {
        let model = self.ai.default_model().unwrap_or("none");
        Readiness { ready: self.ready, checks: vec![("model", model.to_owned())] }
    }
}
