//! One model of one provider, asked through genai with its defects mended.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::try_unfold;
use genai::chat::ChatOptions;
use genai::{Client, ServiceTarget};
use tokio::time::timeout;

use super::http::Http;
use super::mend::{self, Events, Piece};
use super::{ProviderSettings, convert};
use crate::error::ModelError;
use crate::model::{Model, ModelEvent, ModelRequest, ModelResponse, ModelStream};

/// A provider's model.
pub(super) struct GenaiModel {
    name: String,
    target: ServiceTarget,
    client: Client,
    http: Arc<Http>,
    timeout: Duration,
    idle: Duration,
}

impl GenaiModel {
    pub(super) fn new(
        name: &str,
        target: ServiceTarget,
        http: Arc<Http>,
        settings: &ProviderSettings,
    ) -> Result<Self, ModelError> {
        let client = Client::builder()
            .with_reqwest(http.client.clone())
            .with_adapter_kind(target.model.adapter_kind)
            .build()
            .map_err(|_| ModelError::internal("the model client could not be built"))?;
        let timeout = settings.llm_timeout;
        let idle = settings.stream_idle_timeout.min(timeout);
        Ok(Self { name: name.to_owned(), target, client, http, timeout, idle })
    }

    fn options(&self, request: &ModelRequest) -> ChatOptions {
        convert::options(mend::options(&self.target.model), &request.config, request.output_schema.as_ref())
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let request = &*convert::fitted(&self.target.model, request);
        let chat = convert::request(self.target.model.adapter_kind, request)?;
        let options = self.options(request);
        let _permit = self.http.permit().await?;
        let answer = self.client.exec_chat(self.target.clone(), chat, Some(&options)).await;
        let answer = answer.map_err(|error| mend::error(&error))?;
        convert::response(answer.content, answer.stop_reason.as_ref(), &answer.usage)
    }

    async fn open(&self, request: &ModelRequest) -> Result<(Piece, Events), ModelError> {
        let request = &*convert::fitted(&self.target.model, request);
        let chat = convert::request(self.target.model.adapter_kind, request)?;
        let permit = self.http.permit().await?;
        let (options, blocked) = mend::watch_for_blocks(self.options(request));
        let opened = self.client.exec_chat_stream(self.target.clone(), chat, Some(&options)).await;
        let stream = opened.map_err(|error| mend::error(&error))?.stream;
        let mut events = Events::new(stream, blocked, permit);
        loop {
            match events.next().await? {
                Piece::Progress => {}
                first => return Ok((first, events)),
            }
        }
    }
}

#[async_trait]
impl Model for GenaiModel {
    fn name(&self) -> &str {
        &self.name
    }

    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        timeout(self.timeout, mend::silent(self.ask(request))).await.unwrap_or(Err(ModelError::Timeout))
    }

    /// Resolves with the first piece of the answer in hand, so that whoever retries knows nothing was said yet.
    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        let opened = timeout(self.timeout, mend::silent(self.open(request))).await;
        let (first, events) = opened.unwrap_or(Err(ModelError::Timeout))?;
        let idle = self.idle;
        let stream = try_unfold((Some(first), Some(events)), move |(piece, events)| async move {
            let Some(mut events) = events else { return Ok(None) };
            let mut piece = piece.unwrap_or(Piece::Progress);
            loop {
                match piece {
                    Piece::Text(text) => return Ok(Some((ModelEvent::Text(text), (None, Some(events))))),
                    // Letting go of the events here returns the connection and the permit at once.
                    Piece::End(response) => return Ok(Some((ModelEvent::Done(response), (None, None)))),
                    Piece::Progress => {
                        let next = timeout(idle, mend::silent(events.next())).await;
                        piece = next.unwrap_or(Err(ModelError::Timeout))?;
                    }
                }
            }
        });
        Ok(stream.boxed())
    }
}
