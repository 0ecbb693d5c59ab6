//! The routes and their handlers. A handler is one call of a flow; everything around it is in its types.

use actix_web::guard::{Any, Get, Head};
use actix_web::web::{self, Path, ThinData};
use actix_web::{FromRequest, Handler, Resource, Responder};
use flow_core::adapter::App;
use flow_core::edge::{method_not_allowed, not_found};
use flow_core::schema::{
    CharacterInput, ChatInput, ChatResponse, CodeInput, CodeOutput, CodeReview, CodeReviewInput, ImageInput,
    ImageResponse, JokeInput, JokeResponse, RpgCharacter, StoryInput, TranslateInput, TranslationResult,
};
use flow_core::wire::{EventStream, Reply, genkit};
use utoipa::OpenApi;

use crate::docs::{self, Health, Ready};
use crate::edge::{self, Routes};
use crate::extract::{Ctx, Envelope, Input};
use crate::reply::{Events, Fault, FlowAnswer, Output, Raw};

/// The handlers' attributes, collected. `utoipa-actix-web` would do it while mounting, but only for routes
/// that answer another method with 404.
#[derive(OpenApi)]
#[openapi(paths(
    tell_joke,
    tell_joke_stream,
    tell_story_stream,
    translate,
    describe_image,
    generate_character,
    chat,
    generate_code,
    review_code,
    call_flow,
    health,
    ready
))]
struct Api;

/// Builds the application.
pub(crate) fn router(app: App) -> actix_web::App<impl Routes> {
    let edge = app.edge.clone();
    let router = actix_web::App::new()
        .service(call("/tell-joke", tell_joke))
        .service(call("/tell-joke/stream", tell_joke_stream))
        .service(call("/tell-story/stream", tell_story_stream))
        .service(call("/translate", translate))
        .service(call("/describe-image", describe_image))
        .service(call("/generate-character", generate_character))
        .service(call("/chat", chat))
        .service(call("/generate-code", generate_code))
        .service(call("/review-code", review_code))
        .service(call("/flows/{flow}", call_flow))
        .service(read("/health", health))
        .service(read("/ready", ready))
        .service(read("/healthz", health))
        .service(read("/readyz", ready));
    let router = if edge.debug() { router.configure(|it| docs::mount(it, &Api::openapi())) } else { router };
    let router = router.default_service(web::to(async || Fault::from(not_found()))).app_data(ThinData(app));
    edge::wrap(router, &edge)
}

/// A route that is called by POST.
fn call<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args, Output: Responder + 'static>,
    Args: FromRequest + 'static,
{
    web::resource(path).post(handler).default_service(web::to(no_such_method))
}

/// A route that is read. Unlike the others, the framework does not answer HEAD where it answers GET.
pub(crate) fn read<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args, Output: Responder + 'static>,
    Args: FromRequest + 'static,
{
    let get_or_head = web::route().guard(Any(Get()).or(Head()));
    web::resource(path).route(get_or_head.to(handler)).default_service(web::to(no_such_method))
}

async fn no_such_method() -> Fault {
    method_not_allowed().into()
}

/// Tells a joke.
#[utoipa::path(post, path = "/tell-joke", request_body = JokeInput, responses((status = 200, body = JokeResponse)))]
async fn tell_joke(
    ThinData(app): ThinData<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<JokeInput>,
) -> Result<Output<JokeResponse>, Fault> {
    Ok(Output(app.flows.tell_joke(&ctx, input).await?))
}

/// Tells a joke, chunk by chunk.
#[utoipa::path(post, path = "/tell-joke/stream", request_body = JokeInput, responses((status = 200, content_type = "text/event-stream", body = str)))]
async fn tell_joke_stream(
    ThinData(app): ThinData<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<JokeInput>,
) -> Result<Events, Fault> {
    let stream = app.flows.tell_joke_stream(&ctx, input);
    Ok(Events(EventStream::start(&ctx, stream).await?))
}

/// Tells a story, chunk by chunk.
#[utoipa::path(post, path = "/tell-story/stream", request_body = StoryInput, responses((status = 200, content_type = "text/event-stream", body = str)))]
async fn tell_story_stream(
    ThinData(app): ThinData<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<StoryInput>,
) -> Result<Events, Fault> {
    let stream = app.flows.tell_story(&ctx, input);
    Ok(Events(EventStream::start(&ctx, stream).await?))
}

/// Translates a text.
#[utoipa::path(post, path = "/translate", request_body = TranslateInput, responses((status = 200, body = TranslationResult)))]
async fn translate(
    ThinData(app): ThinData<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<TranslateInput>,
) -> Result<Output<TranslationResult>, Fault> {
    Ok(Output(app.flows.translate_text(&ctx, input).await?))
}

/// Describes an image.
#[utoipa::path(post, path = "/describe-image", request_body = ImageInput, responses((status = 200, body = ImageResponse)))]
async fn describe_image(
    ThinData(app): ThinData<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<ImageInput>,
) -> Result<Output<ImageResponse>, Fault> {
    Ok(Output(app.flows.describe_image(&ctx, input).await?))
}

/// Makes up a role-playing character.
#[utoipa::path(post, path = "/generate-character", request_body = CharacterInput, responses((status = 200, body = RpgCharacter)))]
async fn generate_character(
    ThinData(app): ThinData<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<CharacterInput>,
) -> Result<Output<RpgCharacter>, Fault> {
    Ok(Output(app.flows.generate_character(&ctx, input).await?))
}

/// Answers as a pirate captain.
#[utoipa::path(post, path = "/chat", request_body = ChatInput, responses((status = 200, body = ChatResponse)))]
async fn chat(
    ThinData(app): ThinData<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<ChatInput>,
) -> Result<Output<ChatResponse>, Fault> {
    Ok(Output(app.flows.pirate_chat(&ctx, input).await?))
}

/// Writes code.
#[utoipa::path(post, path = "/generate-code", request_body = CodeInput, responses((status = 200, body = CodeOutput)))]
async fn generate_code(
    ThinData(app): ThinData<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<CodeInput>,
) -> Result<Output<CodeOutput>, Fault> {
    Ok(Output(app.flows.generate_code(&ctx, input).await?))
}

/// Reviews code.
#[utoipa::path(post, path = "/review-code", request_body = CodeReviewInput, responses((status = 200, body = CodeReview)))]
async fn review_code(
    ThinData(app): ThinData<App>,
    Ctx(ctx): Ctx,
    Input(input): Input<CodeReviewInput>,
) -> Result<Output<CodeReview>, Fault> {
    Ok(Output(app.flows.review_code(&ctx, input).await?))
}

/// Calls a flow by name.
#[utoipa::path(post, path = "/flows/{flow}", params(("flow" = String, Path)), responses((status = 200)))]
async fn call_flow(
    ThinData(app): ThinData<App>,
    Ctx(ctx): Ctx,
    flow: Path<String>,
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
async fn ready(ThinData(app): ThinData<App>) -> Raw {
    Raw(Reply::ready(&app.flows.readiness(), app.edge.drain().is_draining()))
}
