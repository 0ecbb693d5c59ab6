//! The procedures, and how their messages become the flows' inputs and outputs.
//!
//! A procedure is one call of a flow: `open` decodes the input, `reply` writes the answer. proto3 cannot tell an empty
//! string from a missing one, so an empty one means the schema's default.

use api::*;
use flow_edge::Partial; // eject: generate_code
use tonic::codec::CompressionEncoding::Gzip;
use tonic::{Request, Response};

use crate::extract::*;
use crate::proto::genkit_service_server::{GenkitService, GenkitServiceServer, SERVICE_NAME};
use crate::proto::{self, DESCRIPTORS};
use crate::reply::*;
use crate::service::{Mounted, Routes, mounted};
use crate::stream::*;

/// The procedures of this project.
pub(crate) struct FlowRoutes(App);

impl Routes for FlowRoutes {
    type Flows = dyn FlowService;

    const SERVICE: &'static str = SERVICE_NAME;
    const DESCRIPTORS: &'static [u8] = DESCRIPTORS;

    fn routes(app: App) -> Mounted {
        let limit = app.edge.max_body_size();
        mounted(
            GenkitServiceServer::new(Self(app))
                .max_decoding_message_size(limit)
                .accept_compressed(Gzip)
                .send_compressed(Gzip),
        )
    }
}

#[tonic::async_trait]
impl GenkitService for FlowRoutes {
    async fn health(&self, _: Request<proto::HealthRequest>) -> Answer<proto::HealthResponse> {
        Ok(Response::new(proto::HealthResponse { status: "ok".into() }))
    }

    // eject: tell_joke
    async fn tell_joke(&self, call: Request<proto::JokeRequest>) -> Answer<proto::JokeResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.tell_joke(&ctx.request, input).await)
    }

    type TellJokeStreamStream = Chunks<proto::JokeChunk>;

    async fn tell_joke_stream(&self, call: Request<proto::JokeRequest>) -> Answer<Chunks<proto::JokeChunk>> {
        let (ctx, input) = open(call)?;
        let flow = self.0.flows.tell_joke_stream(&ctx.request, input);
        Chunks::start(&self.0, ctx, flow).await
    }

    // eject: tell_story
    type TellStoryStream = Chunks<proto::StoryChunk>;

    async fn tell_story(&self, call: Request<proto::StoryRequest>) -> Answer<Chunks<proto::StoryChunk>> {
        let (ctx, input) = open(call)?;
        let flow = self.0.flows.tell_story(&ctx.request, input);
        Chunks::start(&self.0, ctx, flow).await
    }

    // eject: translate_text
    async fn translate_text(
        &self,
        call: Request<proto::TranslateRequest>,
    ) -> Answer<proto::TranslationResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.translate_text(&ctx.request, input).await)
    }

    // eject: describe_image
    async fn describe_image(&self, call: Request<proto::ImageRequest>) -> Answer<proto::ImageResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.describe_image(&ctx.request, input).await)
    }

    // eject: generate_character
    async fn generate_character(
        &self,
        call: Request<proto::CharacterRequest>,
    ) -> Answer<proto::RpgCharacter> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.generate_character(&ctx.request, input).await)
    }

    // eject: pirate_chat
    async fn pirate_chat(&self, call: Request<proto::ChatRequest>) -> Answer<proto::ChatResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.pirate_chat(&ctx.request, input).await)
    }

    // eject: generate_code
    async fn generate_code(&self, call: Request<proto::CodeRequest>) -> Answer<proto::CodeResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.generate_code(&ctx.request, input).await)
    }

    type GenerateCodeStreamStream = Chunks<proto::CodeChunk>;

    async fn generate_code_stream(
        &self,
        call: Request<proto::CodeRequest>,
    ) -> Answer<Chunks<proto::CodeChunk>> {
        let (ctx, input) = open(call)?;
        let flow = self.0.flows.generate_code_stream(&ctx.request, input);
        Chunks::start(&self.0, ctx, flow).await
    }

    // eject: review_code
    async fn review_code(
        &self,
        call: Request<proto::CodeReviewRequest>,
    ) -> Answer<proto::CodeReviewResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.review_code(&ctx.request, input).await)
    }
    // eject: end
    // eject: insert procedures
}

// eject: tell_joke
impl From<proto::JokeRequest> for JokeInput {
    fn from(it: proto::JokeRequest) -> Self {
        Self { name: or(it.name, || Self::default().name), username: optional(it.username) }
    }
}

impl From<JokeResponse> for proto::JokeResponse {
    fn from(it: JokeResponse) -> Self {
        Self { joke: it.joke, username: it.username.unwrap_or_default() }
    }
}

impl From<String> for proto::JokeChunk {
    fn from(text: String) -> Self {
        Self { text }
    }
}

// eject: tell_story
impl From<proto::StoryRequest> for StoryInput {
    fn from(it: proto::StoryRequest) -> Self {
        Self { topic: or(it.topic, || Self::default().topic) }
    }
}

impl From<String> for proto::StoryChunk {
    fn from(text: String) -> Self {
        Self { text }
    }
}

// eject: translate_text
impl From<proto::TranslateRequest> for TranslateInput {
    fn from(it: proto::TranslateRequest) -> Self {
        Self {
            text: or(it.text, || Self::default().text),
            target_language: or(it.target_language, || Self::default().target_language),
        }
    }
}

impl From<TranslationResult> for proto::TranslationResponse {
    fn from(it: TranslationResult) -> Self {
        Self {
            original_text: it.original_text,
            translated_text: it.translated_text,
            target_language: it.target_language,
            confidence: it.confidence.as_str().to_owned(),
        }
    }
}

// eject: describe_image
impl From<proto::ImageRequest> for ImageInput {
    fn from(it: proto::ImageRequest) -> Self {
        Self { image_url: or(it.image_url, || Self::default().image_url) }
    }
}

impl From<ImageResponse> for proto::ImageResponse {
    fn from(it: ImageResponse) -> Self {
        Self { description: it.description, image_url: it.image_url }
    }
}

// eject: generate_character
impl From<proto::CharacterRequest> for CharacterInput {
    fn from(it: proto::CharacterRequest) -> Self {
        Self { name: or(it.name, || Self::default().name) }
    }
}

impl From<RpgCharacter> for proto::RpgCharacter {
    fn from(it: RpgCharacter) -> Self {
        Self {
            name: it.name,
            back_story: it.back_story,
            abilities: it.abilities,
            skills: Some(it.skills.into()),
        }
    }
}

impl From<Skills> for proto::Skills {
    fn from(it: Skills) -> Self {
        Self { strength: it.strength.into(), charisma: it.charisma.into(), endurance: it.endurance.into() }
    }
}

// eject: pirate_chat
impl From<proto::ChatRequest> for ChatInput {
    fn from(it: proto::ChatRequest) -> Self {
        Self { question: or(it.question, || Self::default().question), session: optional(it.session) }
    }
}

impl From<ChatResponse> for proto::ChatResponse {
    fn from(it: ChatResponse) -> Self {
        Self { answer: it.answer, persona: it.persona, session: it.session.unwrap_or_default() }
    }
}

// eject: generate_code
impl From<proto::CodeRequest> for CodeInput {
    fn from(it: proto::CodeRequest) -> Self {
        Self {
            description: or(it.description, || Self::default().description),
            language: or(it.language, || Self::default().language),
        }
    }
}

impl From<CodeOutput> for proto::CodeResponse {
    fn from(it: CodeOutput) -> Self {
        Self { code: it.code, language: it.language, explanation: it.explanation, filename: it.filename }
    }
}

impl From<Partial> for proto::CodeChunk {
    fn from(known: Partial) -> Self {
        Self { partial: known.0.to_string(), done: None }
    }
}

impl From<CodeOutput> for proto::CodeChunk {
    fn from(code: CodeOutput) -> Self {
        Self { partial: String::new(), done: Some(code.into()) }
    }
}

// eject: review_code
impl From<proto::CodeReviewRequest> for CodeReviewInput {
    fn from(it: proto::CodeReviewRequest) -> Self {
        Self { code: or(it.code, || Self::default().code), language: optional(it.language) }
    }
}

impl From<CodeReview> for proto::CodeReviewResponse {
    fn from(it: CodeReview) -> Self {
        // A review has no map, and nothing else can fail to be written as JSON.
        Self { review: serde_json::to_string(&it).unwrap_or_default() }
    }
}
// eject: end
// eject: insert conversions
