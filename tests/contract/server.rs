//! Servers under test: the application in this process, on port 0, with one thing added: a flow that panics.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use api::FlowService;
use api::{
    CharacterInput, ChatInput, ChatResponse, CodeInput, CodeOutput, CodeReview, CodeReviewInput, ImageInput,
    ImageResponse, JokeInput, JokeResponse, RpgCharacter, StoryInput, StoryResponse, TranslateInput,
    TranslationResult,
};
use async_trait::async_trait;
use flow_edge::RequestContext;
use flow_edge::drain::Drain;
use flow_edge::{FlowError, FlowStream, Readiness, Ready};
use flow_listener::Adapter;
use flow_listener::{Plan, ServerKind, Signals, serve};
use futures_util::StreamExt;
use genkit_endpoints::settings::{self, Command};
use genkit_endpoints::{adapters, start};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A text that makes a flow panic, and in a stream after the first chunk.
pub const PANIC: &str = "PANIC";

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub drain: Drain,
    _signals: mpsc::Sender<()>,
    _serving: JoinSet<()>,
}

impl Server {
    /// Starts one with these environment variables.
    pub async fn start(
        adapter: Adapter<dyn FlowService>,
        kind: ServerKind,
        environment: &[(&str, String)],
    ) -> Self {
        let lookup = |name: &str| environment.iter().find(|it| it.0 == name).map(|it| it.1.clone());
        let nowhere = Path::new("/nonexistent");
        let command = settings::load(&adapters::names(), ["test".into()], &lookup, nowhere);
        let Ok(Command::Serve(settings)) = command else { panic!("{command:?}") };
        let mut app = start::app(&settings).unwrap();
        app.flows = Arc::new(WithPanics(app.flows));
        let drain = app.edge.drain().clone();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (signals, send) = Signals::channel();
        let plan = Plan {
            adapter,
            kind,
            listener,
            app,
            workers: settings.server.workers,
            keep_alive: settings.server.keep_alive,
            grace: settings.server.shutdown_grace,
        };
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            serve(plan, signals).await.unwrap();
        });
        // It accepts from here on.
        drop(tokio::net::TcpStream::connect(address).await.unwrap());
        Self { address, drain, _signals: send, _serving: serving }
    }
}

struct WithPanics(Arc<dyn FlowService>);

#[async_trait]
impl FlowService for WithPanics {
    async fn tell_joke(&self, ctx: &RequestContext, input: JokeInput) -> Result<JokeResponse, FlowError> {
        assert!(!input.name.contains(PANIC), "on purpose");
        self.0.tell_joke(ctx, input).await
    }

    fn tell_joke_stream(&self, ctx: &RequestContext, input: JokeInput) -> FlowStream<JokeResponse> {
        let panics = input.name.contains(PANIC);
        Box::pin(self.0.tell_joke_stream(ctx, input).enumerate().map(move |(nth, event)| {
            assert!(!panics || nth == 0, "on purpose");
            event
        }))
    }

    fn tell_story(&self, ctx: &RequestContext, input: StoryInput) -> FlowStream<StoryResponse> {
        assert!(!input.topic.contains(PANIC), "on purpose");
        self.0.tell_story(ctx, input)
    }

    async fn translate_text(
        &self,
        ctx: &RequestContext,
        input: TranslateInput,
    ) -> Result<TranslationResult, FlowError> {
        self.0.translate_text(ctx, input).await
    }

    async fn describe_image(
        &self,
        ctx: &RequestContext,
        input: ImageInput,
    ) -> Result<ImageResponse, FlowError> {
        self.0.describe_image(ctx, input).await
    }

    async fn generate_character(
        &self,
        ctx: &RequestContext,
        input: CharacterInput,
    ) -> Result<RpgCharacter, FlowError> {
        self.0.generate_character(ctx, input).await
    }

    async fn pirate_chat(&self, ctx: &RequestContext, input: ChatInput) -> Result<ChatResponse, FlowError> {
        self.0.pirate_chat(ctx, input).await
    }

    async fn generate_code(&self, ctx: &RequestContext, input: CodeInput) -> Result<CodeOutput, FlowError> {
        self.0.generate_code(ctx, input).await
    }

    async fn review_code(
        &self,
        ctx: &RequestContext,
        input: CodeReviewInput,
    ) -> Result<CodeReview, FlowError> {
        self.0.review_code(ctx, input).await
    }
}

impl Ready for WithPanics {
    fn readiness(&self) -> Readiness {
        self.0.readiness()
    }
}
