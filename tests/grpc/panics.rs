//! Flows that panic, each in its own way.

use api::FlowService;
use api::{
    CharacterInput, ChatInput, ChatResponse, CodeInput, CodeOutput, CodeReview, CodeReviewInput, ImageInput,
    ImageResponse, JokeInput, JokeResponse, RpgCharacter, StoryInput, StoryResponse, TranslateInput,
    TranslationResult,
};
use async_trait::async_trait;
use flow_edge::RequestContext;
use flow_edge::{FlowError, FlowStream, Readiness, Ready, StreamEvent};
use futures_util::{StreamExt, stream};

pub struct Panicking;

#[async_trait]
impl FlowService for Panicking {
    async fn tell_joke(&self, _: &RequestContext, _: JokeInput) -> Result<JokeResponse, FlowError> {
        panic!("on purpose")
    }

    /// After the first chunk.
    fn tell_joke_stream(&self, _: &RequestContext, _: JokeInput) -> FlowStream<JokeResponse> {
        let chunk = stream::once(async { Ok(StreamEvent::Chunk("a".into())) });
        Box::pin(chunk.chain(stream::once(async { panic!("on purpose") })))
    }

    /// Before there is a stream.
    fn tell_story(&self, _: &RequestContext, _: StoryInput) -> FlowStream<StoryResponse> {
        panic!("on purpose")
    }

    async fn translate_text(
        &self,
        _: &RequestContext,
        _: TranslateInput,
    ) -> Result<TranslationResult, FlowError> {
        panic!("on purpose")
    }

    async fn describe_image(&self, _: &RequestContext, _: ImageInput) -> Result<ImageResponse, FlowError> {
        panic!("on purpose")
    }

    async fn generate_character(
        &self,
        _: &RequestContext,
        _: CharacterInput,
    ) -> Result<RpgCharacter, FlowError> {
        panic!("on purpose")
    }

    async fn pirate_chat(&self, _: &RequestContext, _: ChatInput) -> Result<ChatResponse, FlowError> {
        panic!("on purpose")
    }

    async fn generate_code(&self, _: &RequestContext, _: CodeInput) -> Result<CodeOutput, FlowError> {
        panic!("on purpose")
    }

    async fn review_code(&self, _: &RequestContext, _: CodeReviewInput) -> Result<CodeReview, FlowError> {
        panic!("on purpose")
    }
}

impl Ready for Panicking {
    fn readiness(&self) -> Readiness {
        Readiness { ready: true, checks: Vec::new() }
    }
}
