//! Gemini, at Google AI and on Vertex AI (<https://ai.google.dev/api/generate-content>).

mod events;
mod request;

use std::sync::Arc;

use async_trait::async_trait;
use flow_runtime::ModelError;
use flow_runtime::model::ModelRequest;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName};
use secrecy::{ExposeSecret as _, SecretString};

use crate::answer::Answer;
use crate::stream::Events as _;
use crate::vertex::Tokens;
use crate::wire::{Authority, Call, Wire, address, sensitive};

pub(crate) use self::events::Events;

/// One Gemini model.
pub(crate) struct Gemini {
    model: String,
    whole: Url,
    streamed: Url,
    access: Access,
}

/// Who asks.
pub(crate) enum Access {
    /// With a key of Google AI, or none, where a server of one's own asks for none.
    Key(Option<Arc<Authority>>),
    /// With tokens of Google Cloud.
    Tokens(Arc<Tokens>),
}

impl Access {
    /// With this key, or without one.
    pub(crate) fn key(key: Option<&SecretString>) -> Result<Self, ModelError> {
        let header = HeaderName::from_static("x-goog-api-key");
        Ok(Self::Key(key.map(|it| sensitive(header, "", it.expose_secret())).transpose()?))
    }
}

impl Gemini {
    /// `base` leads to where `models/…` is.
    pub(crate) fn new(model: &str, base: &str, access: Access) -> Result<Self, ModelError> {
        let model = model.strip_prefix("models/").unwrap_or(model);
        let whole = address(&format!("{base}/models/{model}:generateContent"))?;
        let streamed = address(&format!("{base}/models/{model}:streamGenerateContent?alt=sse"))?;
        Ok(Self { model: model.to_owned(), whole, streamed, access })
    }
}

#[async_trait]
impl Wire for Gemini {
    type Events = Events;

    fn call(&self, asked: &ModelRequest, streamed: bool) -> Result<Call, ModelError> {
        let url = if streamed { &self.streamed } else { &self.whole };
        let body = request::body(&self.model, asked, matches!(self.access, Access::Key(_)))?;
        Ok(Call { url: url.clone(), body: body.into() })
    }

    async fn authorize(&self) -> Result<Option<Arc<Authority>>, ModelError> {
        match &self.access {
            Access::Key(key) => Ok(key.clone()),
            Access::Tokens(tokens) => {
                let token = tokens.token().await?;
                sensitive(AUTHORIZATION, "Bearer ", token.expose_secret()).map(Some)
            }
        }
    }

    fn read(body: &[u8]) -> Result<Answer, ModelError> {
        let (mut events, mut answer) = (Events::default(), Answer::default());
        events.event(body, &mut answer)?;
        if answer.is_empty() && !events.has_candidate() {
            return Err(ModelError::malformed("no candidate in it"));
        }
        Ok(answer)
    }
}
