//! One model of one provider, asked through genai.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow_runtime::ModelError;
use flow_runtime::model::{Model, ModelEvent, ModelRequest, ModelResponse, ModelStream};
use futures_util::StreamExt as _;
use futures_util::stream::try_unfold;
use genai::chat::ChatOptions;
use genai::{Client, ServiceTarget};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::convert;
use crate::genai_workarounds::{self, End, Events, Piece, silent};
use crate::settings::ProviderSettings;

/// The longest wait for a free slot.
const MAX_SLOT_WAIT: Duration = Duration::from_secs(10);

/// A provider's model.
pub(crate) struct GenaiModel {
    name: String,
    target: ServiceTarget,
    client: Client,
    /// One permit for each call that may be in flight.
    slots: Arc<Semaphore>,
    slot_timeout: Duration,
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
        let slots = Arc::new(Semaphore::new(settings.pool_max.clamp(1, Semaphore::MAX_PERMITS)));
        let slot_timeout = MAX_SLOT_WAIT.min(timeout / 4);
        Ok(Self { name: name.to_owned(), target, client, slots, slot_timeout, timeout, idle })
    }

    /// Waits for a free slot. Having none is not the provider's fault.
    async fn slot(&self) -> Result<OwnedSemaphorePermit, ModelError> {
        match timeout(self.slot_timeout, self.slots.clone().acquire_owned()).await {
            Ok(slot) => slot.map_err(|_| ModelError::internal("the model is closed")),
            Err(_) => Err(ModelError::Crowded),
        }
    }

    fn options(&self, request: &ModelRequest) -> ChatOptions {
        let options = genai_workarounds::options(&self.target.model);
        convert::options(options, &request.config, request.output_schema.as_ref())
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let request = &*convert::adapted(&self.target.model, request);
        let chat = convert::request(self.target.model.adapter_kind, request)?;
        let options = self.options(request);
        let _slot = self.slot().await?;
        let answer = self.client.exec_chat(self.target.clone(), chat, Some(&options)).await;
        let answer = answer.map_err(|error| genai_workarounds::error(&error))?;
        convert::response(answer.content, answer.stop_reason.as_ref(), &answer.usage)
    }

    async fn open(&self, request: &ModelRequest) -> Result<(ModelEvent, Events), ModelError> {
        let request = &*convert::adapted(&self.target.model, request);
        let chat = convert::request(self.target.model.adapter_kind, request)?;
        let slot = self.slot().await?;
        let (options, blocked) = genai_workarounds::watch_for_blocks(self.options(request));
        let opened = self.client.exec_chat_stream(self.target.clone(), chat, Some(&options)).await;
        let stream = opened.map_err(|error| genai_workarounds::error(&error))?.stream;
        let mut events = Events::new(stream, blocked, slot);
        loop {
            if let Some(first) = next(&mut events).await? {
                return Ok((first, events));
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
        timeout(self.timeout, silent(self.ask(request))).await.unwrap_or(Err(ModelError::Timeout))
    }

    /// Resolves once the first piece is there, so that a retry knows that nothing was streamed yet.
    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        let opened = timeout(self.timeout, silent(self.open(request))).await;
        let (first, events) = opened.unwrap_or(Err(ModelError::Timeout))?;
        let idle = self.idle;
        let stream = try_unfold((Some(first), Some(events)), move |(mut event, events)| async move {
            let Some(mut events) = events else { return Ok(None) };
            loop {
                match event {
                    // Dropping the events at the end returns the connection and frees the slot at once.
                    Some(event @ ModelEvent::Done(_)) => return Ok(Some((event, (None, None)))),
                    Some(event) => return Ok(Some((event, (None, Some(events))))),
                    None => {
                        let next = timeout(idle, silent(next(&mut events))).await;
                        event = next.unwrap_or(Err(ModelError::Timeout))?;
                    }
                }
            }
        });
        Ok(stream.boxed())
    }
}

/// The next event; `None` for progress without text.
async fn next(events: &mut Events) -> Result<Option<ModelEvent>, ModelError> {
    Ok(match events.next().await? {
        Piece::Progress => None,
        Piece::Text(text) => Some(ModelEvent::Text(text)),
        Piece::End(End { parts, stop, usage }) => {
            Some(ModelEvent::Done(convert::response(parts, Some(&stop), &usage)?))
        }
    })
}
