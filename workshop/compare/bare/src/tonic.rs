//! tonic: its own server, for the two RPC methods that are measured.

use std::pin::Pin;

use adapter_grpc::proto::genkit_service_server::{GenkitService, GenkitServiceServer};
#[allow(clippy::wildcard_imports, reason = "the messages of all RPC methods")]
use adapter_grpc::proto::*;
use futures_util::Stream;
use futures_util::stream::{Empty, try_unfold};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::relay::{Error, Model, joke};

type Answer<T> = Result<Response<T>, Status>;
type Unused<T> = Empty<Result<T, Status>>;

pub(crate) async fn serve(
    listener: std::net::TcpListener,
    model: Model,
) -> Result<(), tonic::transport::Error> {
    #[expect(clippy::expect_used, reason = "a listener of ours that is non-blocking, inside the runtime")]
    let listener = TcpListener::from_std(listener).expect("a listener for tokio");
    Server::builder()
        .add_service(GenkitServiceServer::new(Floor(model)))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await
}

struct Floor(Model);

/// A text, or its default where it is empty.
fn or(text: String, default: &str) -> String {
    if text.is_empty() { default.to_owned() } else { text }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Self::unavailable(error.to_string())
    }
}

#[tonic::async_trait]
impl GenkitService for Floor {
    async fn health(&self, _: Request<HealthRequest>) -> Answer<HealthResponse> {
        Ok(Response::new(HealthResponse { status: "ok".into() }))
    }

    async fn tell_joke(&self, call: Request<JokeRequest>) -> Answer<JokeResponse> {
        let JokeRequest { name, username } = call.into_inner();
        let joke = self.0.ask(joke(&or(name, "Mittens"))).await?;
        Ok(Response::new(JokeResponse { joke, username }))
    }

    type TellStoryStream = Pin<Box<dyn Stream<Item = Result<StoryChunk, Status>> + Send>>;

    /// A message for each chunk of the model's. Ours groups sentences, so that chunks of one sentence each are as many
    /// messages there.
    async fn tell_story(&self, call: Request<StoryRequest>) -> Answer<Self::TellStoryStream> {
        let topic = or(call.into_inner().topic, "a brave cat");
        let texts = self.0.stream(format!("Tell a story of three short paragraphs about {topic}.")).await?;
        let messages = try_unfold(texts, |mut texts| async {
            Ok(texts.next().await?.map(|text| (StoryChunk { text }, texts)))
        });
        Ok(Response::new(Box::pin(messages)))
    }

    // The others are not measured.

    type TellJokeStreamStream = Unused<JokeChunk>;

    async fn tell_joke_stream(&self, _: Request<JokeRequest>) -> Answer<Unused<JokeChunk>> {
        Err(unused())
    }

    async fn translate_text(&self, _: Request<TranslateRequest>) -> Answer<TranslationResponse> {
        Err(unused())
    }

    async fn describe_image(&self, _: Request<ImageRequest>) -> Answer<ImageResponse> {
        Err(unused())
    }

    async fn generate_character(&self, _: Request<CharacterRequest>) -> Answer<RpgCharacter> {
        Err(unused())
    }

    async fn pirate_chat(&self, _: Request<ChatRequest>) -> Answer<ChatResponse> {
        Err(unused())
    }

    async fn generate_code(&self, _: Request<CodeRequest>) -> Answer<CodeResponse> {
        Err(unused())
    }

    type GenerateCodeStreamStream = Unused<CodeChunk>;

    async fn generate_code_stream(&self, _: Request<CodeRequest>) -> Answer<Unused<CodeChunk>> {
        Err(unused())
    }

    async fn review_code(&self, _: Request<CodeReviewRequest>) -> Answer<CodeReviewResponse> {
        Err(unused())
    }
}

fn unused() -> Status {
    Status::unimplemented("not measured")
}
