//! The routes and their handlers. A handler is one call of a flow; everything around it is in its types.

use flow_core::adapter::App;
use flow_core::schema::{
    CharacterInput, ChatInput, ChatResponse, CodeInput, CodeOutput, CodeReview, CodeReviewInput, ImageInput,
    ImageResponse, JokeInput, JokeResponse, RpgCharacter, StoryInput, TranslateInput, TranslationResult,
};
use flow_core::wire::{EventStream, Reply, genkit};
use poem::Route;
use poem::endpoint::BoxEndpoint;
use poem_openapi::param::Path;
use poem_openapi::{OpenApi, OpenApiService};

use crate::docs::{self, Health, Ready};
use crate::edge;
use crate::extract::{Ctx, Envelope, Input};
use crate::reply::{Events, Fault, FlowAnswer, Output, Raw};

/// Builds the application.
pub(crate) fn router(app: App) -> BoxEndpoint<'static> {
    // Its title and version are core's to say: see `docs`.
    let api = OpenApiService::new(Api { app: app.clone() }, "", "");
    let router = Route::new();
    let router = if app.edge.debug() { docs::mount(router, &api.spec()) } else { router };
    edge::wrap(router.nest("/", api), app)
}

/// The operations: poem-openapi gathers them in one type.
struct Api {
    app: App,
}

#[expect(clippy::unused_async, reason = "poem-openapi takes asynchronous operations only")]
#[OpenApi]
impl Api {
    /// Tells a joke.
    #[oai(path = "/tell-joke", method = "post", operation_id = "tell_joke")]
    async fn tell_joke(
        &self,
        Ctx(ctx): Ctx,
        Input(input): Input<JokeInput>,
    ) -> Result<Output<JokeResponse>, Fault> {
        Ok(Output(self.app.flows.tell_joke(&ctx, input).await?))
    }

    /// Tells a joke, chunk by chunk.
    #[oai(path = "/tell-joke/stream", method = "post", operation_id = "tell_joke_stream")]
    async fn tell_joke_stream(&self, Ctx(ctx): Ctx, Input(input): Input<JokeInput>) -> Result<Events, Fault> {
        let stream = self.app.flows.tell_joke_stream(&ctx, input);
        Ok(Events(EventStream::start(&ctx, stream).await?))
    }

    /// Tells a story, chunk by chunk.
    #[oai(path = "/tell-story/stream", method = "post", operation_id = "tell_story_stream")]
    async fn tell_story_stream(
        &self,
        Ctx(ctx): Ctx,
        Input(input): Input<StoryInput>,
    ) -> Result<Events, Fault> {
        let stream = self.app.flows.tell_story(&ctx, input);
        Ok(Events(EventStream::start(&ctx, stream).await?))
    }

    /// Translates a text.
    #[oai(path = "/translate", method = "post", operation_id = "translate")]
    async fn translate(
        &self,
        Ctx(ctx): Ctx,
        Input(input): Input<TranslateInput>,
    ) -> Result<Output<TranslationResult>, Fault> {
        Ok(Output(self.app.flows.translate_text(&ctx, input).await?))
    }

    /// Describes an image.
    #[oai(path = "/describe-image", method = "post", operation_id = "describe_image")]
    async fn describe_image(
        &self,
        Ctx(ctx): Ctx,
        Input(input): Input<ImageInput>,
    ) -> Result<Output<ImageResponse>, Fault> {
        Ok(Output(self.app.flows.describe_image(&ctx, input).await?))
    }

    /// Makes up a role-playing character.
    #[oai(path = "/generate-character", method = "post", operation_id = "generate_character")]
    async fn generate_character(
        &self,
        Ctx(ctx): Ctx,
        Input(input): Input<CharacterInput>,
    ) -> Result<Output<RpgCharacter>, Fault> {
        Ok(Output(self.app.flows.generate_character(&ctx, input).await?))
    }

    /// Answers as a pirate captain.
    #[oai(path = "/chat", method = "post", operation_id = "chat")]
    async fn chat(
        &self,
        Ctx(ctx): Ctx,
        Input(input): Input<ChatInput>,
    ) -> Result<Output<ChatResponse>, Fault> {
        Ok(Output(self.app.flows.pirate_chat(&ctx, input).await?))
    }

    /// Writes code.
    #[oai(path = "/generate-code", method = "post", operation_id = "generate_code")]
    async fn generate_code(
        &self,
        Ctx(ctx): Ctx,
        Input(input): Input<CodeInput>,
    ) -> Result<Output<CodeOutput>, Fault> {
        Ok(Output(self.app.flows.generate_code(&ctx, input).await?))
    }

    /// Reviews code.
    #[oai(path = "/review-code", method = "post", operation_id = "review_code")]
    async fn review_code(
        &self,
        Ctx(ctx): Ctx,
        Input(input): Input<CodeReviewInput>,
    ) -> Result<Output<CodeReview>, Fault> {
        Ok(Output(self.app.flows.review_code(&ctx, input).await?))
    }

    /// Calls a flow by name.
    #[oai(path = "/flows/:flow", method = "post", operation_id = "call_flow")]
    async fn call_flow(
        &self,
        Ctx(ctx): Ctx,
        Path(flow): Path<String>,
        envelope: Envelope,
    ) -> Result<FlowAnswer, Fault> {
        let Envelope { data, stream } = envelope;
        Ok(FlowAnswer(genkit::call(&*self.app.flows, &ctx, &flow, &data, stream).await?))
    }

    /// Tells whether the process is alive.
    #[oai(path = "/health", method = "get", operation_id = "health")]
    async fn health(&self) -> Health {
        Health(Raw(Reply::health()))
    }

    /// Tells whether work may be routed here.
    #[oai(path = "/ready", method = "get", operation_id = "ready")]
    async fn ready(&self) -> Ready {
        Ready(Raw(Reply::ready(&self.app.flows.readiness(), self.app.edge.drain().is_draining())))
    }

    /// The same at its other address.
    #[oai(path = "/healthz", method = "get", hidden)]
    async fn healthz(&self) -> Health {
        self.health().await
    }

    /// The same at its other address.
    #[oai(path = "/readyz", method = "get", hidden)]
    async fn readyz(&self) -> Ready {
        self.ready().await
    }
}
