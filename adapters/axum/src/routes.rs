//! The routes and their handlers. A handler is one call of a flow; everything around it is in its types.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use flow_core::adapter::App;
use flow_core::edge::{method_not_allowed, not_found};
use flow_core::schema::{
    CharacterInput, ChatInput, ChatResponse, CodeInput, CodeOutput, CodeReview, CodeReviewInput, ImageInput,
    ImageResponse, JokeInput, JokeResponse, RpgCharacter, StoryInput, TranslateInput, TranslationResult,
};
use flow_core::wire::{EventStream, Reply, genkit};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::{self, Health, Ready};
use crate::edge;
use crate::extract::{Ctx, Envelope, Input};
use crate::reply::{Events, Fault, FlowAnswer, Output, Raw};

/// Builds the application.
pub(crate) fn router(app: App) -> Router {
    let (router, api) = OpenApiRouter::<App>::new()
        .routes(routes!(tell_joke))
        .routes(routes!(tell_joke_stream))
        .routes(routes!(tell_story_stream))
        .routes(routes!(translate))
        .routes(routes!(describe_image))
        .routes(routes!(generate_character))
        .routes(routes!(chat))
        .routes(routes!(generate_code))
        .routes(routes!(review_code))
        .routes(routes!(call_flow))
        .routes(routes!(health))
        .routes(routes!(ready))
        .split_for_parts();
    let router = router.route("/healthz", get(health)).route("/readyz", get(ready));
    let router = if app.edge.debug() { docs::mount(router, &api) } else { router };
    let router = router
        .fallback(async || Fault::from(not_found()))
        .method_not_allowed_fallback(async || Fault::from(method_not_allowed()));
    let edge = app.edge.clone();
    edge::wrap(router.with_state(app), &edge)
}

/// Tells a joke.
#[utoipa::path(post, path = "/tell-joke", request_body = JokeInput, responses((status = 200, body = JokeResponse)))]
async fn tell_joke(
    State(app): State<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<JokeInput>,
) -> Result<Output<JokeResponse>, Fault> {
    Ok(Output(app.flows.tell_joke(&ctx, input).await?))
}

/// Tells a joke, chunk by chunk.
#[utoipa::path(post, path = "/tell-joke/stream", request_body = JokeInput, responses((status = 200, content_type = "text/event-stream", body = str)))]
async fn tell_joke_stream(
    State(app): State<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<JokeInput>,
) -> Result<Events, Fault> {
    let stream = app.flows.tell_joke_stream(&ctx, input);
    Ok(Events(EventStream::start(&ctx, stream).await?))
}

/// Tells a story, chunk by chunk.
#[utoipa::path(post, path = "/tell-story/stream", request_body = StoryInput, responses((status = 200, content_type = "text/event-stream", body = str)))]
async fn tell_story_stream(
    State(app): State<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<StoryInput>,
) -> Result<Events, Fault> {
    let stream = app.flows.tell_story(&ctx, input);
    Ok(Events(EventStream::start(&ctx, stream).await?))
}

/// Translates a text.
#[utoipa::path(post, path = "/translate", request_body = TranslateInput, responses((status = 200, body = TranslationResult)))]
async fn translate(
    State(app): State<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<TranslateInput>,
) -> Result<Output<TranslationResult>, Fault> {
    Ok(Output(app.flows.translate_text(&ctx, input).await?))
}

/// Describes an image.
#[utoipa::path(post, path = "/describe-image", request_body = ImageInput, responses((status = 200, body = ImageResponse)))]
async fn describe_image(
    State(app): State<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<ImageInput>,
) -> Result<Output<ImageResponse>, Fault> {
    Ok(Output(app.flows.describe_image(&ctx, input).await?))
}

/// Makes up a role-playing character.
#[utoipa::path(post, path = "/generate-character", request_body = CharacterInput, responses((status = 200, body = RpgCharacter)))]
async fn generate_character(
    State(app): State<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<CharacterInput>,
) -> Result<Output<RpgCharacter>, Fault> {
    Ok(Output(app.flows.generate_character(&ctx, input).await?))
}

/// Answers as a pirate captain.
#[utoipa::path(post, path = "/chat", request_body = ChatInput, responses((status = 200, body = ChatResponse)))]
async fn chat(
    State(app): State<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<ChatInput>,
) -> Result<Output<ChatResponse>, Fault> {
    Ok(Output(app.flows.pirate_chat(&ctx, input).await?))
}

/// Writes code.
#[utoipa::path(post, path = "/generate-code", request_body = CodeInput, responses((status = 200, body = CodeOutput)))]
async fn generate_code(
    State(app): State<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<CodeInput>,
) -> Result<Output<CodeOutput>, Fault> {
    Ok(Output(app.flows.generate_code(&ctx, input).await?))
}

/// Reviews code.
#[utoipa::path(post, path = "/review-code", request_body = CodeReviewInput, responses((status = 200, body = CodeReview)))]
async fn review_code(
    State(app): State<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<CodeReviewInput>,
) -> Result<Output<CodeReview>, Fault> {
    Ok(Output(app.flows.review_code(&ctx, input).await?))
}

/// Calls a flow by name.
#[utoipa::path(post, path = "/flows/{flow}", params(("flow" = String, Path)), responses((status = 200)))]
async fn call_flow(
    State(app): State<App>,
    Ctx(ctx): Ctx,
    Path(flow): Path<String>,
    Envelope { data, stream }: Envelope,
) -> Result<FlowAnswer, Fault> {
    Ok(FlowAnswer(genkit::call(&*app.flows, &ctx, &flow, &data, stream).await?))
}

/// Tells whether the process is alive.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Health)))]
async fn health() -> Raw {
    Raw(Reply::health())
}

/// Tells whether work may be routed here.
#[utoipa::path(get, path = "/ready", responses((status = 200, body = Ready)))]
async fn ready(State(app): State<App>) -> Raw {
    Raw(Reply::ready(&app.flows.readiness(), app.edge.drain().is_draining()))
}
