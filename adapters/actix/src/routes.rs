//! The routes of the flows. A handler is one call of a flow: its extractors decode the input, its return type writes
//! the answer.

// A handler that is not mounted does not compile.
#![deny(dead_code)]

use actix_web::web::{ServiceConfig, ThinData};
use api::*;
use utoipa::OpenApi;

use crate::Routes;
use crate::extract::{Ctx, Input};
use crate::mount::post;
#[allow(unused_imports, reason = "a set of flows may have only streams, or none")]
use crate::reply::{Events, Output, Reply, StreamReply};

/// The routes of this project.
#[derive(OpenApi)]
#[openapi(paths(
    tell_joke, // eject: tell_joke
    tell_joke_stream, // eject: tell_joke
    tell_story, // eject: tell_story
    translate_text, // eject: translate_text
    describe_image, // eject: describe_image
    generate_character, // eject: generate_character
    pirate_chat, // eject: pirate_chat
    generate_code, // eject: generate_code
    generate_code_stream, // eject: generate_code
    review_code, // eject: review_code
    // eject: insert paths
))]
pub(crate) struct FlowRoutes;

impl Routes for FlowRoutes {
    type Flows = dyn FlowService;

    fn routes(config: &mut ServiceConfig) {
        config.service(post("/tell-joke", tell_joke)); // eject: tell_joke
        config.service(post("/tell-joke/stream", tell_joke_stream)); // eject: tell_joke
        config.service(post("/tell-story/stream", tell_story)); // eject: tell_story
        config.service(post("/translate", translate_text)); // eject: translate_text
        config.service(post("/describe-image", describe_image)); // eject: describe_image
        config.service(post("/generate-character", generate_character)); // eject: generate_character
        config.service(post("/chat", pirate_chat)); // eject: pirate_chat
        config.service(post("/generate-code", generate_code)); // eject: generate_code
        config.service(post("/generate-code/stream", generate_code_stream)); // eject: generate_code
        config.service(post("/review-code", review_code)); // eject: review_code
        // eject: insert routes
    }
}

// eject: tell_joke
#[utoipa::path(post, path = "/tell-joke", request_body = JokeInput, responses((status = 200, body = JokeResponse)))]
async fn tell_joke(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<JokeInput>) -> Reply<JokeResponse> {
    Ok(Output(app.flows.tell_joke(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/tell-joke/stream", request_body = JokeInput, responses((status = 200, body = str)))]
async fn tell_joke_stream(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<JokeInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.tell_joke_stream(&ctx.0, input.0)).await
}

// eject: tell_story
#[utoipa::path(post, path = "/tell-story/stream", request_body = StoryInput, responses((status = 200, body = str)))]
async fn tell_story(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<StoryInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.tell_story(&ctx.0, input.0)).await
}

// eject: translate_text
#[utoipa::path(post, path = "/translate", request_body = TranslateInput, responses((status = 200, body = TranslationResult)))]
async fn translate_text(
    ThinData(app): ThinData<App>,
    ctx: Ctx,
    input: Input<TranslateInput>,
) -> Reply<TranslationResult> {
    Ok(Output(app.flows.translate_text(&ctx.0, input.0).await?))
}

// eject: describe_image
#[utoipa::path(post, path = "/describe-image", request_body = ImageInput, responses((status = 200, body = ImageResponse)))]
async fn describe_image(
    ThinData(app): ThinData<App>,
    ctx: Ctx,
    input: Input<ImageInput>,
) -> Reply<ImageResponse> {
    Ok(Output(app.flows.describe_image(&ctx.0, input.0).await?))
}

// eject: generate_character
#[utoipa::path(post, path = "/generate-character", request_body = CharacterInput, responses((status = 200, body = RpgCharacter)))]
async fn generate_character(
    ThinData(app): ThinData<App>,
    ctx: Ctx,
    input: Input<CharacterInput>,
) -> Reply<RpgCharacter> {
    Ok(Output(app.flows.generate_character(&ctx.0, input.0).await?))
}

// eject: pirate_chat
#[utoipa::path(post, path = "/chat", request_body = ChatInput, responses((status = 200, body = ChatResponse)))]
async fn pirate_chat(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<ChatInput>) -> Reply<ChatResponse> {
    Ok(Output(app.flows.pirate_chat(&ctx.0, input.0).await?))
}

// eject: generate_code
#[utoipa::path(post, path = "/generate-code", request_body = CodeInput, responses((status = 200, body = CodeOutput)))]
async fn generate_code(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<CodeInput>) -> Reply<CodeOutput> {
    Ok(Output(app.flows.generate_code(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/generate-code/stream", request_body = CodeInput, responses((status = 200, body = str)))]
async fn generate_code_stream(
    ThinData(app): ThinData<App>,
    ctx: Ctx,
    input: Input<CodeInput>,
) -> StreamReply {
    Events::start(&ctx.0, app.flows.generate_code_stream(&ctx.0, input.0)).await
}

// eject: review_code
#[utoipa::path(post, path = "/review-code", request_body = CodeReviewInput, responses((status = 200, body = CodeReview)))]
async fn review_code(
    ThinData(app): ThinData<App>,
    ctx: Ctx,
    input: Input<CodeReviewInput>,
) -> Reply<CodeReview> {
    Ok(Output(app.flows.review_code(&ctx.0, input.0).await?))
}
// eject: end
// eject: insert handlers
