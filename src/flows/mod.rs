//! The flows: what this project is about. One file each; this one gathers them behind [`FlowService`].
//!
//! `docs/add-a-flow.md` says how to add one.

mod dedup;
mod describe_image;
mod failure;
mod generate_character;
mod generate_code;
mod output;
mod pirate_chat;
mod review_code;
mod tell_joke;
mod tell_story;
mod tools;
mod translate_text;

use std::sync::Arc;

use api::*;
use async_trait::async_trait;
use flow_edge::{FlowError, FlowInfo, FlowStream, Readiness, Ready, RequestContext};
use flow_runtime::registry::FlowInfo as RegisteredFlow;
use flow_runtime::runtime::RuntimeBuilder;
use flow_runtime::{Model, ModelError, Resilience, ResponseCache, Runtime};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::replicas::IsUp;
use dedup::Dedup;

/// The prompt files compiled in.
const PROMPT_FILES: &[&str] = &[review_code::SOURCE];

/// What the flows need.
pub struct FlowDeps {
    /// The models: the first answers, the others where it cannot.
    pub models: Vec<Arc<dyn Model>>,
    /// What guards a call to them.
    pub resilience: Resilience,
    /// Where answers are kept, if they are.
    pub cache: Option<ResponseCache<FlowError>>,
    /// The flows whose streams are joined while they flow.
    pub stream_join: Vec<String>,
    /// Whether a platform may route work to the flows, whatever else is checked.
    pub ready: bool,
    /// Whether the state that replicas share can be reached, where they share any.
    pub shared_is_up: Option<IsUp>,
}

/// The flows with what they need, made once at the start.
struct Flows {
    ai: Runtime,
    dedup: Dedup,
    models: String,
    ready: bool,
    shared_is_up: Option<IsUp>,
}

/// Makes the flows.
pub fn flows(deps: FlowDeps) -> Result<Arc<dyn FlowService>, ModelError> {
    let FlowDeps { models, resilience, cache, stream_join, ready, shared_is_up } = deps;
    let names: Vec<_> = models.iter().map(|it| it.name().to_owned()).collect();
    let mut builder = Runtime::builder().resilience(resilience);
    let mut models = models.into_iter();
    if let Some(first) = models.next() {
        builder = builder.default_model(first);
    }
    let builder = models.fold(builder, RuntimeBuilder::fallback);
    let builder = FLOWS.iter().fold(builder, |builder, flow| builder.flow(registered(flow)));
    let ai = builder.tool(tools::get_current_time()?).prompt(review_code::prompt()?.info()).build()?;
    let models = names.join(",");
    let dedup = Dedup::new(&models, PROMPT_FILES, cache, stream_join)?;
    Ok(Arc::new(Flows { ai, dedup, models, ready, shared_is_up }))
}

#[async_trait]
impl FlowService for Flows {
    async fn tell_joke(&self, ctx: &RequestContext, input: JokeInput) -> Result<JokeResponse, FlowError> {
        self.call(flow::TELL_JOKE, ctx, input, tell_joke::run).await
    }

    fn tell_joke_stream(&self, ctx: &RequestContext, input: JokeInput) -> FlowStream<JokeResponse> {
        self.stream(flow::TELL_JOKE, ctx, input, tell_joke::stream)
    }

    fn tell_story(&self, ctx: &RequestContext, input: StoryInput) -> FlowStream<StoryResponse> {
        self.stream(flow::TELL_STORY, ctx, input, tell_story::stream)
    }

    async fn translate_text(
        &self,
        ctx: &RequestContext,
        input: TranslateInput,
    ) -> Result<TranslationResult, FlowError> {
        self.call(flow::TRANSLATE_TEXT, ctx, input, translate_text::run).await
    }

    async fn describe_image(
        &self,
        ctx: &RequestContext,
        input: ImageInput,
    ) -> Result<ImageResponse, FlowError> {
        self.call(flow::DESCRIBE_IMAGE, ctx, input, describe_image::run).await
    }

    async fn generate_character(
        &self,
        ctx: &RequestContext,
        input: CharacterInput,
    ) -> Result<RpgCharacter, FlowError> {
        self.call(flow::GENERATE_CHARACTER, ctx, input, generate_character::run).await
    }

    async fn pirate_chat(&self, ctx: &RequestContext, input: ChatInput) -> Result<ChatResponse, FlowError> {
        self.call(flow::PIRATE_CHAT, ctx, input, pirate_chat::run).await
    }

    async fn generate_code(&self, ctx: &RequestContext, input: CodeInput) -> Result<CodeOutput, FlowError> {
        self.call(flow::GENERATE_CODE, ctx, input, generate_code::run).await
    }

    async fn review_code(
        &self,
        ctx: &RequestContext,
        input: CodeReviewInput,
    ) -> Result<CodeReview, FlowError> {
        self.call(flow::REVIEW_CODE, ctx, input, review_code::run).await
    }
}

impl Flows {
    /// Runs a flow that answers at once; from the cache, where its row says so.
    async fn call<I, O, W>(
        &self,
        flow: &FlowInfo,
        ctx: &RequestContext,
        input: I,
        run: fn(Runtime, RequestContext, I) -> W,
    ) -> Result<O, FlowError>
    where
        I: Clone + Serialize,
        O: Serialize + DeserializeOwned,
        W: Future<Output = Result<O, FlowError>> + Send + 'static,
    {
        self.dedup.answer(flow, ctx, input, |input| run(self.ai.clone(), ctx.clone(), input)).await
    }

    /// Runs a flow that streams; joined with one under way, where the settings say so.
    fn stream<I, O>(
        &self,
        flow: &FlowInfo,
        ctx: &RequestContext,
        input: I,
        run: fn(Runtime, RequestContext, I) -> FlowStream<O>,
    ) -> FlowStream<O>
    where
        I: Serialize + Send + 'static,
        O: Clone + Send + Sync + 'static,
    {
        let (ai, caller) = (self.ai.clone(), ctx.clone());
        self.dedup.stream(flow, ctx, input, move |input| run(ai, caller, input))
    }
}

impl Ready for Flows {
    fn readiness(&self) -> Readiness {
        let mut checks = vec![("model", self.models.clone())];
        let circuits: Vec<_> = self.ai.circuits().map(|(_, state)| state.as_str()).collect();
        if !circuits.is_empty() {
            checks.push(("circuit", circuits.join(",")));
        }
        if let Some(is_up) = &self.shared_is_up {
            checks.push(("redis", if is_up() { "up" } else { "down" }.to_owned()));
        }
        // Neither an open circuit nor a missing store makes a replica unready: the others have the same, and
        // without any of them nobody would be told why.
        Readiness { ready: self.ready, checks }
    }
}

fn registered(flow: &FlowInfo) -> RegisteredFlow {
    RegisteredFlow {
        name: flow.name.into(),
        description: Some(flow.description.into()),
        input_schema: Some((flow.input.document)().clone()),
        output_schema: Some((flow.output.document)().clone()),
    }
}
