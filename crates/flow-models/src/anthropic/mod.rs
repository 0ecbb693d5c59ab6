//! Anthropic's messages (<https://docs.claude.com/en/api/messages>).

mod events;
mod request;
mod response;

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use flow_runtime::ModelError;
use flow_runtime::model::ModelRequest;
use reqwest::Url;
use reqwest::header::HeaderName;
use secrecy::{ExposeSecret as _, SecretString};

use crate::answer::Answer;
use crate::failure::Report;
use crate::wire::{Authority, Call, Wire, address, sensitive};

pub(crate) use self::events::Events;

/// One Claude.
pub(crate) struct Anthropic {
    model: String,
    address: Url,
    key: Option<SecretString>,
    lacks: Lacks,
}

/// What a model turned out not to know, as bits.
pub(super) struct Lacks(AtomicU32);

/// A member of a request that some models refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Temperature,
    TopP,
    TopK,
    Thinking,
    /// Words ask for the schema instead.
    OutputFormat,
    /// The thinking that older models know has a budget.
    AdaptiveThinking,
}

impl Member {
    const ALL: [(Self, &[&str]); 6] = [
        (Self::Temperature, &["temperature"]),
        (Self::TopP, &["top_p"]),
        (Self::TopK, &["top_k"]),
        (Self::AdaptiveThinking, &["adaptive", "effort"]),
        (Self::Thinking, &["thinking"]),
        (Self::OutputFormat, &["output_config", "output_format", "json_schema", "structured"]),
    ];
}

impl Lacks {
    /// What is known of a model by its name, such as `claude-3-5-sonnet-20241022` or `claude-opus-4-1`.
    fn of(model: &str) -> Self {
        let lacks = Self(AtomicU32::new(0));
        if let Some(version) = version(model) {
            if version < (4, 5) {
                lacks.add(Member::OutputFormat);
            }
            if version < (4, 6) {
                lacks.add(Member::AdaptiveThinking);
            }
            if version < (3, 7) {
                lacks.add(Member::Thinking);
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

/// The version in a model's name. A number of more than two digits is a date.
fn version(model: &str) -> Option<(u32, u32)> {
    let name = model.strip_prefix("claude-")?;
    let numbers = name.split(['-', '.']).filter(|it| it.len() <= 2).filter_map(|it| it.parse().ok());
    let mut numbers = numbers.fuse();
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

impl Anthropic {
    /// `base` leads to where `messages` is.
    pub(crate) fn new(model: &str, base: &str, key: Option<SecretString>) -> Result<Self, ModelError> {
        let address = address(&format!("{base}/messages"))?;
        Ok(Self { model: model.to_owned(), address, key, lacks: Lacks::of(model) })
    }
}

#[async_trait]
impl Wire for Anthropic {
    type Events = Events;

    const HEADERS: &[(&str, &str)] = &[("anthropic-version", "2023-06-01")];

    fn call(&self, asked: &ModelRequest, streamed: bool) -> Result<Call, ModelError> {
        let body = request::body(&self.model, asked, &self.lacks, streamed)?;
        Ok(Call { url: self.address.clone(), body: body.into() })
    }

    async fn authorize(&self) -> Result<Option<Authority>, ModelError> {
        let header = HeaderName::from_static("x-api-key");
        self.key.as_ref().map(|it| sensitive(header, "", it.expose_secret())).transpose()
    }

    fn read(body: &[u8]) -> Result<Answer, ModelError> {
        response::read(body)
    }

    fn learn(&self, refusal: &Report) -> bool {
        refusal.member(&Member::ALL).is_some_and(|it| self.lacks.add(it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_version() {
        for (name, expected) in [
            ("claude-3-5-sonnet-20241022", Some((3, 5))),
            ("claude-3-opus-20240229", Some((3, 0))),
            ("claude-opus-4-1", Some((4, 1))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-opus-4-6", Some((4, 6))),
            ("claude-haiku-5", Some((5, 0))),
            ("some-model", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
    }
}
