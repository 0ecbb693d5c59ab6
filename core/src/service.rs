//! The trait a project implements once; every protocol and framework calls the flows through it.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::Stream;
use serde_json::Value;

use crate::edge::RequestContext;
use crate::error::FlowError;
use crate::schema::{
    CharacterInput, ChatInput, ChatResponse, CodeInput, CodeOutput, CodeReview, CodeReviewInput, ImageInput,
    ImageResponse, JokeInput, JokeResponse, RpgCharacter, Schema, StoryInput, StoryResponse, TranslateInput,
    TranslationResult,
};

/// The flows, as adapters hold them.
pub type Flows = Arc<dyn FlowService>;

/// A streamed answer: chunks of text, then the typed result, then nothing.
///
/// Dropping it drops the work behind it, the model call included.
pub type FlowStream<T> = Pin<Box<dyn Stream<Item = Result<StreamEvent<T>, FlowError>> + Send>>;

/// One event of a [`FlowStream`].
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent<T> {
    /// More text.
    Chunk(String),
    /// The end: the typed result.
    Done(T),
}

/// The flows of this server. One method per flow; inputs are already validated.
///
/// A method's future may be dropped at any await (the client left, time ran out); what it started must
/// stop with it.
#[async_trait]
pub trait FlowService: Send + Sync + 'static {
    /// Tells a joke about `input.name`.
    async fn tell_joke(&self, ctx: &RequestContext, input: JokeInput) -> Result<JokeResponse, FlowError>;

    /// Tells a joke as the model makes it up.
    fn tell_joke_stream(&self, ctx: &RequestContext, input: JokeInput) -> FlowStream<JokeResponse>;

    /// Tells a story, chunk by chunk.
    fn tell_story(&self, ctx: &RequestContext, input: StoryInput) -> FlowStream<StoryResponse>;

    /// Translates a text.
    async fn translate_text(
        &self,
        ctx: &RequestContext,
        input: TranslateInput,
    ) -> Result<TranslationResult, FlowError>;

    /// Describes an image.
    async fn describe_image(
        &self,
        ctx: &RequestContext,
        input: ImageInput,
    ) -> Result<ImageResponse, FlowError>;

    /// Makes up a role-playing character.
    async fn generate_character(
        &self,
        ctx: &RequestContext,
        input: CharacterInput,
    ) -> Result<RpgCharacter, FlowError>;

    /// Answers as a pirate captain would.
    async fn pirate_chat(&self, ctx: &RequestContext, input: ChatInput) -> Result<ChatResponse, FlowError>;

    /// Writes code.
    async fn generate_code(&self, ctx: &RequestContext, input: CodeInput) -> Result<CodeOutput, FlowError>;

    /// Reviews code.
    async fn review_code(
        &self,
        ctx: &RequestContext,
        input: CodeReviewInput,
    ) -> Result<CodeReview, FlowError>;

    /// Whether the flows can answer, and why not. Called for every readiness probe, so it must be quick.
    fn readiness(&self) -> Readiness;
}

/// Whether the flows can answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// All checks passed.
    pub ready: bool,
    /// What was checked, and what came of it.
    pub checks: Vec<(&'static str, String)>,
}

/// A flow by name, for the doors that know flows only by name (`/flows/{flow}`, the Genkit registry).
#[derive(Clone, Copy)]
pub struct FlowInfo {
    /// The registered name.
    pub name: &'static str,
    /// The REST route that is its own.
    pub route: &'static str,
    /// What it does, in one sentence.
    pub description: &'static str,
    /// The JSON Schema of its input.
    pub input: fn() -> &'static Value,
    /// The JSON Schema of its output.
    pub output: fn() -> &'static Value,
}

/// Every flow by name. [`wire::genkit::call`](crate::wire::genkit::call) dispatches on the same names, and each
/// adapter has the routes; `tests/openapi.rs` calls both on every adapter and fails when one is missing.
pub const FLOWS: &[FlowInfo] = &[
    info::<JokeInput, JokeResponse>("tell_joke", "/tell-joke", "Tells a joke."),
    info::<StoryInput, StoryResponse>("tell_story", "/tell-story/stream", "Tells a story, chunk by chunk."),
    info::<TranslateInput, TranslationResult>("translate_text", "/translate", "Translates a text."),
    info::<ImageInput, ImageResponse>("describe_image", "/describe-image", "Describes an image."),
    info::<CharacterInput, RpgCharacter>(
        "generate_character",
        "/generate-character",
        "Makes up a role-playing character.",
    ),
    info::<ChatInput, ChatResponse>("pirate_chat", "/chat", "Answers as a pirate captain."),
    info::<CodeInput, CodeOutput>("generate_code", "/generate-code", "Writes code."),
    info::<CodeReviewInput, CodeReview>("review_code", "/review-code", "Reviews code."),
];

const fn info<I: Schema, O: Schema>(
    name: &'static str,
    route: &'static str,
    description: &'static str,
) -> FlowInfo {
    FlowInfo { name, route, description, input: I::document, output: O::document }
}
