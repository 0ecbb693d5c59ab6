//! The routes of the flows. A handler is one call of a flow: its extractors decode the input, its return type writes
//! the answer.

// A handler that is not mounted does not compile.
#![deny(dead_code)]

use api::*;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Routes;
use crate::extract::{Ctx, Input};
#[allow(unused_imports, reason = "a set of flows may have only streams, or none")]
use crate::reply::{Events, Output, Reply, StreamReply};

/// The routes of this project.
pub(crate) struct FlowRoutes;

impl Routes for FlowRoutes {
    type Flows = dyn FlowService;

    fn routes() -> OpenApiRouter<App> {
        OpenApiRouter::new()
            .routes(routes!(tell_joke)) // eject: tell_joke
            .routes(routes!(tell_joke_stream)) // eject: tell_joke
            .routes(routes!(tell_story)) // eject: tell_story
            .routes(routes!(translate_text)) // eject: translate_text
            .routes(routes!(describe_image)) // eject: describe_image
            .routes(routes!(generate_character)) // eject: generate_character
            .routes(routes!(pirate_chat)) // eject: pirate_chat
            .routes(routes!(generate_code)) // eject: generate_code
            .routes(routes!(generate_code_stream)) // eject: generate_code
            .routes(routes!(review_code)) // eject: review_code
        // eject: insert routes
    }
}

// eject: tell_joke
#[utoipa::path(post, path = "/tell-joke", request_body = JokeInput, responses((status = 200, body = JokeResponse)))]
async fn tell_joke(State(app): State<App>, ctx: Ctx, input: Input<JokeInput>) -> Reply<JokeResponse> {
    Ok(Output(app.flows.tell_joke(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/tell-joke/stream", request_body = JokeInput, responses((status = 200, body = str)))]
async fn tell_joke_stream(State(app): State<App>, ctx: Ctx, input: Input<JokeInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.tell_joke_stream(&ctx.0, input.0)).await
}

// eject: tell_story
#[utoipa::path(post, path = "/tell-story/stream", request_body = StoryInput, responses((status = 200, body = str)))]
async fn tell_story(State(app): State<App>, ctx: Ctx, input: Input<StoryInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.tell_story(&ctx.0, input.0)).await
}

// eject: translate_text
#[utoipa::path(post, path = "/translate", request_body = TranslateInput, responses((status = 200, body = TranslationResult)))]
async fn translate_text(
    State(app): State<App>,
    ctx: Ctx,
    input: Input<TranslateInput>,
) -> Reply<TranslationResult> {
    Ok(Output(app.flows.translate_text(&ctx.0, input.0).await?))
}

// eject: describe_image
#[utoipa::path(post, path = "/describe-image", request_body = ImageInput, responses((status = 200, body = ImageResponse)))]
async fn describe_image(State(app): State<App>, ctx: Ctx, input: Input<ImageInput>) -> Reply<ImageResponse> {
    Ok(Output(app.flows.describe_image(&ctx.0, input.0).await?))
}

// eject: generate_character
#[utoipa::path(post, path = "/generate-character", request_body = CharacterInput, responses((status = 200, body = RpgCharacter)))]
async fn generate_character(
    State(app): State<App>,
    ctx: Ctx,
    input: Input<CharacterInput>,
) -> Reply<RpgCharacter> {
    Ok(Output(app.flows.generate_character(&ctx.0, input.0).await?))
}

// eject: pirate_chat
#[utoipa::path(post, path = "/chat", request_body = ChatInput, responses((status = 200, body = ChatResponse)))]
async fn pirate_chat(State(app): State<App>, ctx: Ctx, input: Input<ChatInput>) -> Reply<ChatResponse> {
    Ok(Output(app.flows.pirate_chat(&ctx.0, input.0).await?))
}

// eject: generate_code
#[utoipa::path(post, path = "/generate-code", request_body = CodeInput, responses((status = 200, body = CodeOutput)))]
async fn generate_code(State(app): State<App>, ctx: Ctx, input: Input<CodeInput>) -> Reply<CodeOutput> {
    Ok(Output(app.flows.generate_code(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/generate-code/stream", request_body = CodeInput, responses((status = 200, body = str)))]
async fn generate_code_stream(State(app): State<App>, ctx: Ctx, input: Input<CodeInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.generate_code_stream(&ctx.0, input.0)).await
}

// eject: review_code
#[utoipa::path(post, path = "/review-code", request_body = CodeReviewInput, responses((status = 200, body = CodeReview)))]
async fn review_code(State(app): State<App>, ctx: Ctx, input: Input<CodeReviewInput>) -> Reply<CodeReview> {
    Ok(Output(app.flows.review_code(&ctx.0, input.0).await?))
}
// eject: end
// eject: insert handlers
