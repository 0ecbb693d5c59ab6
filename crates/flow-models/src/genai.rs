//! One model of one provider, asked through genai with its defects mended.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::try_unfold;
use genai::chat::ChatOptions;
use genai::{Client, ServiceTarget};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::mend::{self, Events, Piece};
use crate::{ProviderSettings, convert};
use flow_runtime::ModelError;
use flow_runtime::model::{Model, ModelEvent, ModelRequest, ModelResponse, ModelStream};

/// How long a call may wait for its turn at most.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A provider's model.
pub(crate) struct GenaiModel {
    name: String,
    target: ServiceTarget,
    client: Client,
    turns: Arc<Semaphore>,
    /// How long a call may wait for its turn.
    turn_timeout: Duration,
    timeout: Duration,
    idle: Duration,
}

impl GenaiModel {
    pub(crate) fn new(
        name: &str,
        target: ServiceTarget,
        http: reqwest::Client,
        settings: &ProviderSettings,
    ) -> Result<Self, ModelError> {
        let client = Client::builder()
            .with_reqwest(http)
            .with_adapter_kind(target.model.adapter_kind)
            .build()
            .map_err(|_| ModelError::internal("the model client could not be built"))?;
        let timeout = settings.llm_timeout;
        let idle = settings.stream_idle_timeout.min(timeout);
        let turns = Arc::new(Semaphore::new(settings.pool_max.clamp(1, Semaphore::MAX_PERMITS)));
        let turn_timeout = LONGEST_WAIT.min(timeout / 4);
        Ok(Self { name: name.to_owned(), target, client, turns, turn_timeout, timeout, idle })
    }

    /// Waits for a turn. That it does not come is our doing, not the provider's.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, ModelError> {
        match timeout(self.turn_timeout, self.turns.clone().acquire_owned()).await {
            Ok(turn) => turn.map_err(|_| ModelError::internal("the model is closed")),
            Err(_) => Err(ModelError::Crowded),
        }
    }

    fn options(&self, request: &ModelRequest) -> ChatOptions {
        convert::options(mend::options(&self.target.model), &request.config, request.output_schema.as_ref())
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let request = &*convert::fitted(&self.target.model, request);
        let chat = convert::request(self.target.model.adapter_kind, request)?;
        let options = self.options(request);
        let _turn = self.turn().await?;
        let answer = self.client.exec_chat(self.target.clone(), chat, Some(&options)).await;
        let answer = answer.map_err(|error| mend::error(&error))?;
        convert::response(answer.content, answer.stop_reason.as_ref(), &answer.usage)
    }

    async fn open(&self, request: &ModelRequest) -> Result<(Piece, Events), ModelError> {
        let request = &*convert::fitted(&self.target.model, request);
        let chat = convert::request(self.target.model.adapter_kind, request)?;
        let turn = self.turn().await?;
        let (options, blocked) = mend::watch_for_blocks(self.options(request));
        let opened = self.client.exec_chat_stream(self.target.clone(), chat, Some(&options)).await;
        let stream = opened.map_err(|error| mend::error(&error))?.stream;
        let mut events = Events::new(stream, blocked, turn);
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
                    // Letting go of the events here returns the connection and ends the turn at once.
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
