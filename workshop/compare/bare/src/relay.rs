//! The model's server: a call of it, whole or streamed.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::try_unfold;
use reqwest::{Client, Response, Url};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::answers::{JokeEvent, JokeInput, JokeResponse};

const MODEL: &str = "/v1beta/models/gemini-flash-latest";
const KEY: &str = "bare";

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("the model's server: {0}")]
    Http(#[from] reqwest::Error),
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the model's stream was cut")]
    Cut,
}

/// The model. Cloned, it has the same connections.
#[derive(Clone)]
pub(crate) struct Model(Arc<Server>);

struct Server {
    client: Client,
    whole: Url,
    streamed: Url,
}

#[derive(Serialize)]
struct Question {
    contents: [Content; 1],
}

#[derive(Serialize)]
struct Content {
    role: &'static str,
    parts: [Part; 1],
}

#[derive(Serialize)]
struct Part {
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    candidates: Vec<Candidate>,
    #[expect(dead_code, reason = "whoever pays for tokens reads it, and so does ours")]
    usage_metadata: Option<Usage>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    content: AnswerContent,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnswerContent {
    parts: Vec<AnswerPart>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnswerPart {
    text: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the wire's names")]
struct Usage {
    prompt_token_count: u64,
    candidates_token_count: u64,
    total_token_count: u64,
}

impl Answer {
    /// The text of the first candidate, and whether the answer ends with it.
    fn into_text(self) -> (String, bool) {
        let candidate = self.candidates.into_iter().next().unwrap_or_default();
        let mut parts = candidate.content.parts.into_iter().map(|it| it.text);
        let mut text = parts.next().unwrap_or_default();
        text.extend(parts);
        (text, candidate.finish_reason.is_some())
    }
}

impl Model {
    pub(crate) fn new(base: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(Arc::new(Server {
            // As ours, without a proxy of the environment.
            client: Client::builder().no_proxy().build()?,
            whole: Url::parse(&format!("{base}{MODEL}:generateContent"))?,
            streamed: Url::parse(&format!("{base}{MODEL}:streamGenerateContent?alt=sse"))?,
        })))
    }

    /// The whole answer.
    pub(crate) async fn ask(&self, prompt: String) -> Result<String, Error> {
        let answer: Answer = self.send(&self.0.whole, prompt).await?.json().await?;
        Ok(answer.into_text().0)
    }

    /// The answer's texts as they come.
    pub(crate) async fn stream(&self, prompt: String) -> Result<Texts, Error> {
        let response = self.send(&self.0.streamed, prompt).await?;
        Ok(Texts { response, buffer: BytesMut::new(), finished: false })
    }

    async fn send(&self, url: &Url, prompt: String) -> Result<Response, Error> {
        let question = Question { contents: [Content { role: "user", parts: [Part { text: prompt }] }] };
        let request = self.0.client.post(url.clone()).header("x-goog-api-key", KEY).json(&question);
        Ok(request.send().await?.error_for_status()?)
    }

    pub(crate) async fn tell_joke(&self, input: JokeInput) -> Result<JokeResponse, Error> {
        let joke = self.ask(joke(&input.name)).await?;
        Ok(JokeResponse { joke, username: input.username })
    }

    /// Its chunks, and the whole.
    pub(crate) async fn stream_joke(
        &self,
        input: JokeInput,
    ) -> Result<impl Stream<Item = Result<JokeEvent, Error>> + Send + use<>, Error> {
        let texts = self.stream(joke(&input.name)).await?;
        Ok(try_unfold((Some(texts), String::new()), |(texts, mut joke)| async move {
            let Some(mut texts) = texts else { return Ok(None) };
            Ok(Some(match texts.next().await? {
                Some(chunk) => {
                    joke.push_str(&chunk);
                    (JokeEvent::Chunk { chunk }, (Some(texts), joke))
                }
                None => (JokeEvent::Done { done: true, joke }, (None, String::new())),
            }))
        }))
    }
}

/// The prompt of ours.
pub(crate) fn joke(name: &str) -> String {
    format!("Tell a short, friendly joke about {name}.")
}

/// An event as Server-Sent Events have it, for frameworks whose streams are of bytes.
pub(crate) fn frame(event: &JokeEvent) -> Result<Bytes, Error> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut bytes, event)?;
    bytes.extend_from_slice(b"\n\n");
    Ok(bytes.into())
}

/// The texts of a streamed answer.
pub(crate) struct Texts {
    response: Response,
    buffer: BytesMut,
    finished: bool,
}

impl Texts {
    /// The next one, or none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Error> {
        loop {
            while let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line = self.buffer.split_to(end + 1);
                // JSON does not mind the spaces around it, the line's end among them.
                let Some(data) = line.strip_prefix(b"data:") else { continue };
                let (text, finished) = serde_json::from_slice::<Answer>(data)?.into_text();
                self.finished |= finished;
                return Ok(Some(text));
            }
            match self.response.chunk().await? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None if self.finished => return Ok(None),
                None => return Err(Error::Cut),
            }
        }
    }
}
