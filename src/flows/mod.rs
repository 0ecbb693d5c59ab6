//! The flows: what this project is about. One file each; this one gathers them behind [`FlowService`].
//!
//! A new flow is a schema in `core/src/schema`, a method of the trait, a file here, and a route per adapter;
//! `ARCHITECTURE.md` has the checklist.

mod answers;
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
use flow_core::service::{FLOWS, FlowService, FlowStream, Readiness, StreamEvent};
use flow_core::{FlowError, Flows};
use flow_runtime::registry::FlowInfo;
use flow_runtime::runtime::RuntimeBuilder;
use flow_runtime::{Model, ModelError, OutputSpec, Resilience, ResponseCache, Runtime, StreamJoin};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::replicas::IsUp;
use answers::Answers;
use review_code::ReviewPrompt;

/// The flows that stream.
pub const STREAMED: [&str; 2] = ["tell_joke", "tell_story"];

/// What the flows are made of.
pub struct Ingredients {
    /// The models: the first answers, the others where it cannot.
    pub models: Vec<Arc<dyn Model>>,
    /// What guards a call to them.
    pub resilience: Resilience,
    /// Where answers are kept, if they are.
    pub cache: Option<ResponseCache<FlowError>>,
    /// Which of [`STREAMED`] are joined while they flow.
    pub stream_join: Vec<String>,
    /// Whether a platform may route work to the flows, whatever else is checked.
    pub ready: bool,
    /// Whether the state that replicas share can be reached, where they share any.
    pub shared_is_up: Option<IsUp>,
}

/// The flows with what they need, made once at the start. Clones share it: work that several callers wait for
/// belongs to none of them.
#[derive(Clone)]
struct SampleFlows(Arc<Inner>);

struct Inner {
    ai: Runtime,
    answers: Answers,
    jokes: StreamJoin<Result<StreamEvent<JokeResponse>, FlowError>>,
    stories: StreamJoin<Result<StreamEvent<StoryResponse>, FlowError>>,
    models: String,
    ready: bool,
    shared_is_up: Option<IsUp>,
    translation: OutputSpec<TranslationResult>,
    character: OutputSpec<RpgCharacter>,
    code: OutputSpec<CodeOutput>,
    review: ReviewPrompt,
}

/// Makes the flows.
pub fn flows(ingredients: Ingredients) -> Result<Flows, ModelError> {
    let Ingredients { models, resilience, cache, stream_join, ready, shared_is_up } = ingredients;
    let names: Vec<_> = models.iter().map(|it| it.name().to_owned()).collect();
    let review = ReviewPrompt::load()?;
    let mut builder = Runtime::builder().resilience(resilience);
    let mut models = models.into_iter();
    if let Some(first) = models.next() {
        builder = builder.default_model(first);
    }
    let builder = models.fold(builder, RuntimeBuilder::fallback);
    let builder = FLOWS.iter().fold(builder, |builder, flow| {
        builder.flow(FlowInfo {
            name: flow.name.into(),
            description: Some(flow.description.into()),
            input_schema: Some((flow.input)().clone()),
            output_schema: Some((flow.output)().clone()),
        })
    });
    let ai = builder.tool(tools::get_current_time()?).prompt(review.info()).build()?;
    let models = names.join(",");
    Ok(Arc::new(SampleFlows(Arc::new(Inner {
        ai,
        answers: Answers::new(&models, cache, stream_join)?,
        jokes: answers::streams(),
        stories: answers::streams(),
        models,
        ready,
        shared_is_up,
        translation: output()?,
        character: output()?,
        code: output()?,
        review,
    }))))
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
    async fn tell_joke(&self, ctx: &RequestContext, mut input: JokeInput) -> Result<JokeResponse, FlowError> {
        input.username = ctx.username(input.username);
        tell_joke::run(&self.0.ai, input).await
    }

    fn tell_joke_stream(&self, ctx: &RequestContext, mut input: JokeInput) -> FlowStream<JokeResponse> {
        input.username = ctx.username(input.username);
        let Inner { answers, jokes, ai, .. } = &*self.0;
        let ai = ai.clone();
        answers.joined(jokes, ctx, "tell_joke", input, move |input| tell_joke::stream(&ai, input))
    }

    fn tell_story(&self, ctx: &RequestContext, input: StoryInput) -> FlowStream<StoryResponse> {
        let Inner { answers, stories, ai, .. } = &*self.0;
        let ai = ai.clone();
        answers.joined(stories, ctx, "tell_story", input, move |input| tell_story::stream(&ai, &input))
    }

    async fn translate_text(
        &self,
        ctx: &RequestContext,
        input: TranslateInput,
    ) -> Result<TranslationResult, FlowError> {
        self.kept(ctx, "translate_text", input, |it, input| async move {
            translate_text::run(&it.0.ai, &it.0.translation, input).await
        })
        .await
    }

    async fn describe_image(
        &self,
        ctx: &RequestContext,
        input: ImageInput,
    ) -> Result<ImageResponse, FlowError> {
        self.kept(ctx, "describe_image", input, |it, input| async move {
            describe_image::run(&it.0.ai, input).await
        })
        .await
    }

    async fn generate_character(
        &self,
        ctx: &RequestContext,
        input: CharacterInput,
    ) -> Result<RpgCharacter, FlowError> {
        self.kept(ctx, "generate_character", input, |it, input| async move {
            generate_character::run(&it.0.ai, &it.0.character, &input).await
        })
        .await
    }

    async fn pirate_chat(&self, _: &RequestContext, input: ChatInput) -> Result<ChatResponse, FlowError> {
        pirate_chat::run(&self.0.ai, input).await
    }

    async fn generate_code(&self, ctx: &RequestContext, input: CodeInput) -> Result<CodeOutput, FlowError> {
        self.kept(ctx, "generate_code", input, |it, input| async move {
            generate_code::run(&it.0.ai, &it.0.code, &input).await
        })
        .await
    }

    async fn review_code(
        &self,
        ctx: &RequestContext,
        input: CodeReviewInput,
    ) -> Result<CodeReview, FlowError> {
        self.kept(ctx, "review_code", input, |it, input| async move {
            review_code::run(&it.0.ai, &it.0.review, &input).await
        })
        .await
    }

    fn readiness(&self) -> Readiness {
        let Inner { ai, models, ready, shared_is_up, .. } = &*self.0;
        let mut checks = vec![("model", models.clone())];
        let circuits: Vec<_> = ai.circuits().map(|(_, state)| state.as_str()).collect();
        if !circuits.is_empty() {
            checks.push(("circuit", circuits.join(",")));
        }
        if let Some(is_up) = shared_is_up {
            checks.push(("redis", if is_up() { "up" } else { "down" }.to_owned()));
        }
        // Neither an open circuit nor a missing store makes a replica unready: the others have the same, and
        // without any of them nobody would be told why.
        Readiness { ready: *ready, checks }
    }
}

impl SampleFlows {
    /// The answer of a flow that gives the same one each time.
    async fn kept<I, O, W>(
        &self,
        ctx: &RequestContext,
        flow: &'static str,
        input: I,
        run: impl Fn(Self, I) -> W,
    ) -> Result<O, FlowError>
    where
        I: Clone + Serialize,
        O: Serialize + DeserializeOwned,
        W: Future<Output = Result<O, FlowError>> + Send + 'static,
    {
        self.0.answers.kept(ctx, flow, &input, || run(self.clone(), input.clone())).await
    }
}
