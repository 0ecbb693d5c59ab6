//! Reads a story over gRPC as it is told.
//!
//! ```console
//! $ cargo run            # in another terminal
//! $ cargo run --example grpc_stream -- "a robot learning to paint"
//! ```

use std::io::Write;
use std::time::Duration;

use grpc::proto::StoryRequest;
use grpc::proto::genkit_service_client::GenkitServiceClient;
use tonic::Request;
use tonic::transport::Channel;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the story is this program's output")]
async fn main() -> anyhow::Result<()> {
    let topic = std::env::args().nth(1).unwrap_or_default();
    let channel = Channel::from_static("http://localhost:50051").connect().await?;
    let mut request = Request::new(StoryRequest { topic });
    // The server is told how long we wait and drops the model call when it is over.
    request.set_timeout(Duration::from_mins(1));
    let mut chunks = GenkitServiceClient::new(channel).tell_story(request).await?.into_inner();
    while let Some(chunk) = chunks.message().await? {
        print!("{}", chunk.text);
        std::io::stdout().flush()?;
    }
    println!();
    Ok(())
}
