//! The typed way in: messages to the inputs of core, which validates them.
//!
//! proto3 cannot tell an empty string from a missing one, so an empty one means the schema's default.

use flow_core::FlowError;
use flow_core::edge::RequestContext;
use flow_core::schema::{
    CharacterInput, ChatInput, CodeInput, CodeReviewInput, ImageInput, JokeInput, Schema, StoryInput,
    TranslateInput,
};
use flow_core::wire::decode::decode_value;
use tokio::time::Instant;
use tonic::{Request, Status};

use crate::proto::{
    CharacterRequest, ChatRequest, CodeRequest, CodeReviewRequest, ImageRequest, JokeRequest, StoryRequest,
    TranslateRequest,
};
use crate::reply::fault;

/// What the edge knows of a call. The deadline is the client's own, which also ends streams.
#[derive(Clone)]
pub(crate) struct Ctx {
    pub(crate) request: RequestContext,
    pub(crate) deadline: Option<Instant>,
}

/// Takes a call apart: what the edge knows of it, and the flow's input, validated.
pub(crate) fn open<M, I: Schema + From<M>>(mut call: Request<M>) -> Result<(Ctx, I), Status> {
    let ctx = call.extensions_mut().remove::<Ctx>();
    let ctx = ctx.ok_or_else(|| fault(FlowError::internal("the procedure is outside the edge")))?;
    let input = I::from(call.into_inner());
    if input.validate().is_ok() {
        return Ok((ctx, input));
    }
    // Only now the costlier way, which words the faults as it does for JSON.
    let document = serde_json::to_value(input).map_err(|error| fault(FlowError::internal(error)))?;
    Ok((ctx, decode_value(&document).map_err(fault)?))
}

fn or(text: String, default: impl FnOnce() -> String) -> String {
    if text.is_empty() { default() } else { text }
}

fn optional(text: String) -> Option<String> {
    Some(text).filter(|it| !it.is_empty())
}

impl From<JokeRequest> for JokeInput {
    fn from(it: JokeRequest) -> Self {
        Self { name: or(it.name, || Self::default().name), username: optional(it.username) }
    }
}

impl From<StoryRequest> for StoryInput {
    fn from(it: StoryRequest) -> Self {
        Self { topic: or(it.topic, || Self::default().topic) }
    }
}

impl From<TranslateRequest> for TranslateInput {
    fn from(it: TranslateRequest) -> Self {
        Self {
            text: or(it.text, || Self::default().text),
            target_language: or(it.target_language, || Self::default().target_language),
        }
    }
}

impl From<ImageRequest> for ImageInput {
    fn from(it: ImageRequest) -> Self {
        Self { image_url: or(it.image_url, || Self::default().image_url) }
    }
}

impl From<CharacterRequest> for CharacterInput {
    fn from(it: CharacterRequest) -> Self {
        Self { name: or(it.name, || Self::default().name) }
    }
}

impl From<ChatRequest> for ChatInput {
    fn from(it: ChatRequest) -> Self {
        Self { question: or(it.question, || Self::default().question) }
    }
}

impl From<CodeRequest> for CodeInput {
    fn from(it: CodeRequest) -> Self {
        Self {
            description: or(it.description, || Self::default().description),
            language: or(it.language, || Self::default().language),
        }
    }
}

impl From<CodeReviewRequest> for CodeReviewInput {
    fn from(it: CodeReviewRequest) -> Self {
        Self { code: or(it.code, || Self::default().code), language: optional(it.language) }
    }
}
