//! Anthropic's messages (<https://docs.claude.com/en/api/messages>).

mod events;
mod member;
mod request;
mod response;

use std::sync::Arc;

use async_trait::async_trait;
use flow_runtime::ModelError;
use flow_runtime::model::ModelRequest;
use reqwest::Url;
use reqwest::header::HeaderName;
use secrecy::{ExposeSecret as _, SecretString};

use crate::answer::Answer;
use crate::failure::Report;
use crate::lacks::Lacks;
use crate::wire::{Authority, Call, Wire, address, sensitive};

pub(crate) use self::events::Events;
use self::member::Member;

/// One Claude.
pub(crate) struct Anthropic {
    model: String,
    address: Url,
    authority: Option<Arc<Authority>>,
    lacks: Lacks<Member>,
}

impl Anthropic {
    /// `base` leads to where `messages` is.
    pub(crate) fn new(model: &str, base: &str, key: Option<SecretString>) -> Result<Self, ModelError> {
        let address = address(&format!("{base}/messages"))?;
        let authority = key
            .map(|it| sensitive(HeaderName::from_static("x-api-key"), "", it.expose_secret()))
            .transpose()?;
        Ok(Self { model: model.to_owned(), address, authority, lacks: member::lacking(model) })
    }
}

#[async_trait]
impl Wire for Anthropic {
    type Events = Events;

    const HEADERS: &[(&'static str, &'static str)] = &[("anthropic-version", "2023-06-01")];

    fn call(&self, asked: &ModelRequest, streamed: bool) -> Result<Call, ModelError> {
        let body = request::body(&self.model, asked, &self.lacks, streamed)?;
        Ok(Call { url: self.address.clone(), body: body.into() })
    }

    async fn authorize(&self) -> Result<Option<Arc<Authority>>, ModelError> {
        Ok(self.authority.clone())
    }

    fn read(body: &[u8]) -> Result<Answer, ModelError> {
        response::read(body)
    }

    fn learn(&self, refusal: &Report) -> bool {
        let unknown = refusal.member(&member::NAMES);
        unknown.inspect(|it| self.lacks.add(*it)).is_some()
    }
}
