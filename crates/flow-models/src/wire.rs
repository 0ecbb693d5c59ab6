//! A model behind a wire: asks over HTTP, reads the answer within bounds and deadlines.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flow_runtime::ModelError;
use flow_runtime::model::{Model, ModelConfig, ModelRequest, ModelResponse, ModelStream};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Response, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::failure::{Report, from_reqwest};
use crate::http::Clients;
use crate::json;
use crate::options;
use crate::settings::ProviderSettings;
use crate::stream::{Events, Pieces, Reading};

/// The longest wait for a free slot.
const MAX_SLOT_WAIT: Duration = Duration::from_secs(10);

/// The longest answer that comes whole, in bytes as they come after decompression.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// How much of a refusal is read, in bytes.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// How often a call is changed because a server does not know a member of it.
const MAX_CHANGES: usize = 4;

/// How a provider's servers are asked, and how they answer.
#[async_trait]
pub(crate) trait Wire: Send + Sync + 'static {
    /// What is remembered between two events of a stream.
    type Events: Events;

    /// Headers that every call carries.
    const HEADERS: &[(&'static str, &'static str)] = &[];

    /// The request, as the provider takes it.
    fn call(&self, asked: &ModelRequest, streamed: bool) -> Result<Call, ModelError>;

    /// The header that says who asks, where a server wants to know.
    async fn authorize(&self) -> Result<Option<Arc<Authority>>, ModelError>;

    /// Reads an answer that came whole.
    fn read(body: &[u8]) -> Result<Answer, ModelError>;

    /// Takes note that the server does not know a member of the request, if that is what it says.
    fn learn(&self, _refusal: &Report) -> bool {
        false
    }
}

/// One request.
pub(crate) struct Call {
    pub(crate) url: Url,
    pub(crate) body: Bytes,
}

/// Who asks.
pub(crate) struct Authority {
    pub(crate) header: HeaderName,
    pub(crate) value: HeaderValue,
    /// What must not get into the log.
    pub(crate) secret: String,
}

/// An address, parsed once.
pub(crate) fn address(text: &str) -> Result<Url, ModelError> {
    Url::parse(text).map_err(|_| ModelError::rejected("the base URL is not a valid URL"))
}

/// A header with a key or a token.
pub(crate) fn sensitive(
    header: HeaderName,
    scheme: &str,
    secret: &str,
) -> Result<Arc<Authority>, ModelError> {
    let mut value = HeaderValue::from_str(&format!("{scheme}{secret}"))
        .map_err(|_| ModelError::rejected("the key contains characters that a header cannot hold"))?;
    value.set_sensitive(true);
    Ok(Arc::new(Authority { header, value, secret: secret.to_owned() }))
}

/// A model behind a wire.
pub(crate) struct WireModel<W> {
    name: Arc<str>,
    wire: W,
    clients: Clients,
    /// One permit for each call that may be in flight.
    slots: Arc<Semaphore>,
    slot_timeout: Duration,
    timeout: Duration,
    idle: Duration,
    propagate: Option<fn(&mut HeaderMap)>,
}

impl<W: Wire> WireModel<W> {
    pub(crate) fn new(name: &str, wire: W, clients: Clients, settings: &ProviderSettings) -> Self {
        let timeout = settings.llm_timeout;
        Self {
            name: name.into(),
            wire,
            clients,
            slots: Arc::new(Semaphore::new(settings.pool_max.clamp(1, Semaphore::MAX_PERMITS))),
            slot_timeout: MAX_SLOT_WAIT.min(timeout / 4),
            timeout,
            idle: settings.stream_idle_timeout.min(timeout),
            propagate: settings.propagate,
        }
    }

    /// Waits for a free slot. Having none is not the provider's fault.
    async fn slot(&self) -> Result<OwnedSemaphorePermit, ModelError> {
        match timeout(self.slot_timeout, self.slots.clone().acquire_owned()).await {
            Ok(slot) => slot.map_err(|_| ModelError::internal("the model is closed")),
            Err(_) => Err(ModelError::Crowded),
        }
    }

    /// Sends the request, and again without what the server turns out not to know.
    async fn send(&self, asked: &ModelRequest, streamed: bool) -> Result<Response, ModelError> {
        let client = self.clients.here()?;
        let mut call = self.wire.call(asked, streamed)?;
        let mut changes = 0;
        loop {
            let authority = self.wire.authorize().await?;
            let mut request = Request::new(Method::POST, call.url.clone());
            *request.body_mut() = Some(call.body.clone().into());
            let headers = request.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let Some(Authority { header, value, .. }) = authority.as_deref() {
                headers.insert(header, value.clone());
            }
            for (name, value) in W::HEADERS {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            if let Some(propagate) = self.propagate {
                propagate(headers);
            }
            let response = client.execute(request).await.map_err(|error| from_reqwest(&error))?;
            if response.status() == 200 {
                return Ok(response);
            }
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = whole(response, MAX_ERROR_BODY).await.unwrap_or_default();
            let report = Report::new(status, headers, &body);
            report.log(&self.name, authority.as_ref().map(|it| &*it.secret));
            if changes == MAX_CHANGES || !self.wire.learn(&report) {
                return Err(report.error());
            }
            let next = self.wire.call(asked, streamed)?;
            if next.body == call.body {
                return Err(report.error());
            }
            call = next;
            changes += 1;
        }
    }

    async fn ask(&self, asked: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let _slot = self.slot().await?;
        let response = self.send(asked, false).await?;
        let body = whole(response, MAX_ANSWER).await?;
        json::apart(body, W::read).await?.finish(&self.name)
    }

    async fn open(&self, asked: &ModelRequest) -> Result<Pieces<W::Events>, ModelError> {
        let slot = self.slot().await?;
        let response = self.send(asked, true).await?;
        let answer = Answer::streamed(asked.thoughts);
        let mut reading = Reading::new(response.into(), answer, self.name.clone(), slot);
        Ok(Pieces::new(reading.first().await?, reading, self.idle))
    }
}

#[async_trait]
impl<W: Wire> Model for WireModel<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, config: &ModelConfig) -> Result<(), ModelError> {
        options::check(config)
    }

    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        timeout(self.timeout, self.ask(request)).await.unwrap_or(Err(ModelError::Timeout))
    }

    /// Resolves once the first piece is there, so that a retry knows that nothing was streamed yet.
    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        let opened = timeout(self.timeout, self.open(request)).await;
        Ok(ModelStream::new(self.name.clone(), opened.unwrap_or(Err(ModelError::Timeout))?))
    }
}

/// A whole body, if it is not too long.
async fn whole(mut response: Response, most: usize) -> Result<Vec<u8>, ModelError> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|error| from_reqwest(&error))? {
        if body.len() + bytes.len() > most {
            return Err(ModelError::unusable("too long"));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}
