//! OpenAI's chat completions, and all servers that speak them
//! (<https://platform.openai.com/docs/api-reference/chat>).

mod events;
mod request;
mod response;

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use flow_runtime::ModelError;
use flow_runtime::model::ModelRequest;
use reqwest::Url;
use reqwest::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};

use crate::answer::Answer;
use crate::failure::Report;
use crate::wire::{Authority, Call, Wire, address, sensitive};

pub(crate) use self::events::Events;

/// One model of a server.
pub(crate) struct OpenAi {
    model: String,
    address: Url,
    key: Option<SecretString>,
    lacks: Lacks,
}

/// What a model's server turned out not to know, as bits.
pub(super) struct Lacks(AtomicU32);

/// A member of a request that some servers refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Temperature,
    TopP,
    /// `max_completion_tokens` goes in its place.
    MaxTokens,
    MaxCompletionTokens,
    Stop,
    Seed,
    ReasoningEffort,
    StreamOptions,
    ToolChoice,
    /// Words ask for the schema instead.
    ResponseFormat,
}

impl Member {
    const ALL: [(Self, &[&str]); 10] = [
        (Self::Temperature, &["temperature"]),
        (Self::TopP, &["top_p"]),
        (Self::MaxTokens, &["max_tokens"]),
        (Self::MaxCompletionTokens, &["max_completion_tokens"]),
        (Self::Stop, &["stop"]),
        (Self::Seed, &["seed"]),
        (Self::ReasoningEffort, &["reasoning_effort"]),
        (Self::StreamOptions, &["stream_options", "include_usage"]),
        (Self::ToolChoice, &["tool_choice"]),
        (Self::ResponseFormat, &["response_format", "json_schema"]),
    ];
}

impl Lacks {
    /// What is known of a model by its name.
    fn of(model: &str) -> Self {
        let lacks = Self(AtomicU32::new(0));
        let name = model.rsplit('/').next().unwrap_or(model);
        let o_series =
            name.strip_prefix('o').is_some_and(|it| it.starts_with(|digit: char| digit.is_ascii_digit()));
        if o_series || (name.starts_with("gpt-5") && !name.contains("chat")) {
            // Models that reason take no settings of chance, and count thoughts among the tokens of an answer.
            for member in [Member::Temperature, Member::TopP, Member::MaxTokens, Member::Stop] {
                lacks.add(member);
            }
        }
        lacks
    }

    pub(super) fn has(&self, member: Member) -> bool {
        self.0.load(Ordering::Relaxed) & Self::bit(member) != 0
    }

    /// Whether that is news.
    fn add(&self, member: Member) -> bool {
        self.0.fetch_or(Self::bit(member), Ordering::Relaxed) & Self::bit(member) == 0
    }

    fn bit(member: Member) -> u32 {
        1 << member as u32
    }
}

impl OpenAi {
    /// `base` leads to where `chat/completions` is.
    pub(crate) fn new(model: &str, base: &str, key: Option<SecretString>) -> Result<Self, ModelError> {
        let address = address(&format!("{base}/chat/completions"))?;
        Ok(Self { model: model.to_owned(), address, key, lacks: Lacks::of(model) })
    }
}

#[async_trait]
impl Wire for OpenAi {
    type Events = Events;

    fn call(&self, asked: &ModelRequest, streamed: bool) -> Result<Call, ModelError> {
        let body = request::body(&self.model, asked, &self.lacks, streamed)?;
        Ok(Call { url: self.address.clone(), body: body.into() })
    }

    async fn authorize(&self) -> Result<Option<Authority>, ModelError> {
        self.key.as_ref().map(|it| sensitive(AUTHORIZATION, "Bearer ", it.expose_secret())).transpose()
    }

    fn read(body: &[u8]) -> Result<Answer, ModelError> {
        response::read(body)
    }

    fn learn(&self, refusal: &Report) -> bool {
        refusal.member(&Member::ALL).is_some_and(|it| self.lacks.add(it))
    }
}
