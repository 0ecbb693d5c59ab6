//! Reads a streamed story as it is told.
//!
//! ```console
//! $ cargo run            # in another terminal
//! $ cargo run --example stream -- "a robot learning to paint"
//! ```

use std::io::Write;

use futures_util::StreamExt;
use serde_json::{Value, json};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the story is this program's output")]
async fn main() -> anyhow::Result<()> {
    let topic = std::env::args().nth(1).unwrap_or_else(|| "a brave cat".into());
    let request = reqwest::Client::new().post("http://localhost:8080/tell-story/stream");
    let response = request.json(&json!({"topic": topic})).send().await?;
    // The status is the true one: a failure before the first chunk is no stream.
    anyhow::ensure!(response.status().is_success(), response.text().await?);
    let mut body = response.bytes_stream();
    let mut buffer = Vec::new();
    while let Some(bytes) = body.next().await {
        buffer.extend_from_slice(&bytes?);
        // A frame is `data: <one line of JSON>` and an empty line; a packet may hold any part of it.
        while let Some(end) = buffer.windows(2).position(|it| it == b"\n\n") {
            let frame: Vec<u8> = buffer.drain(..end + 2).collect();
            let frame: Value = serde_json::from_slice(frame.strip_prefix(b"data:").unwrap_or(&frame))?;
            match (frame["chunk"].as_str(), frame.get("error")) {
                (Some(chunk), _) => print!("{chunk}"),
                (None, Some(error)) => anyhow::bail!("{error}"),
                (None, None) => println!(),
            }
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}
