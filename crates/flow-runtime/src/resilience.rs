//! What stands around every provider's model: its deadline, its circuit breaker, its retries.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::{once, unfold};
use tokio::time::{Instant, timeout_at};

use crate::breaker::{Breaker, BreakerSettings, CircuitState, Permit};
use crate::error::ModelError;
use crate::model::{Model, ModelEvent, ModelRequest, ModelResponse, ModelStream};
use crate::retry::{Retry, RetrySettings};

/// Longer than any call or recovery; what is longer still could not be added to an instant.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// How model calls are guarded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resilience {
    /// How long a call may take with all its repetitions and fallbacks: until its answer is whole, or until the
    /// first piece of a streamed one.
    pub call_timeout: Duration,
    /// How long callers wait. Where they leave before the call's own time is over, a model that was silent until about
    /// then has failed them all the same, and nothing is repeated that would come too late for them.
    pub patience: Duration,
    /// When a failing model is left alone; never, without these.
    pub breaker: Option<BreakerSettings>,
    /// When a call is repeated; never, without these.
    pub retry: Option<RetrySettings>,
}

impl Resilience {
    /// The same without times that no clock can count.
    pub(crate) fn bounded(mut self) -> Self {
        self.call_timeout = self.call_timeout.min(LONGEST);
        self.patience = self.patience.min(self.call_timeout);
        if let Some(breaker) = &mut self.breaker {
            breaker.recovery_timeout = breaker.recovery_timeout.min(LONGEST);
        }
        if let Some(retry) = &mut self.retry {
            retry.base_delay = retry.base_delay.min(LONGEST);
            retry.longest_retry_after = retry.longest_retry_after.min(LONGEST);
        }
        self
    }

    /// The same for one of so many models that are asked in turn: a silent one leaves the others their share.
    pub(crate) fn shared_by(self, models: u32) -> Self {
        Self { call_timeout: self.call_timeout / models, patience: self.patience / models, ..self }
    }
}

/// A model with its guards.
pub(crate) struct Resilient {
    model: Arc<dyn Model>,
    timeout: Duration,
    patience: Duration,
    breaker: Option<Arc<Breaker>>,
    retry: Option<Retry>,
}

impl Resilient {
    pub(crate) fn new(model: Arc<dyn Model>, settings: &Resilience) -> Self {
        let breaker = settings.breaker.map(|settings| Breaker::new(model.name(), settings));
        let retry = settings.retry.map(Retry::new);
        Self { model, timeout: settings.call_timeout, patience: settings.patience, breaker, retry }
    }

    /// The state of the model's circuit, if it has one.
    pub(crate) fn circuit(&self) -> Option<CircuitState> {
        self.breaker.as_ref().map(|breaker| breaker.state())
    }

    /// Repeats `attempt`, which has until the instants it is given: until the call ends, and until nobody waits.
    async fn repeat<T, W>(&self, mut attempt: impl FnMut(Instant, Instant) -> W) -> Result<T, ModelError>
    where
        W: Future<Output = Result<T, ModelError>>,
    {
        let begun = Instant::now();
        let (deadline, awaited) = (begun + self.timeout, begun + self.patience);
        let mut attempt = || attempt(deadline, awaited);
        match &self.retry {
            Some(retry) => {
                // A repetition has at least as long as all before it, or the failure just seen would become a timeout.
                let last_start = begun + self.patience / 2;
                let may_repeat = || self.circuit() != Some(CircuitState::Open);
                retry.run(self.model.name(), last_start, may_repeat, attempt).await
            }
            None => attempt().await,
        }
    }

    fn admit(&self, awaited: Instant) -> Result<Option<Permit>, ModelError> {
        let patience = awaited.saturating_duration_since(Instant::now());
        self.breaker.as_ref().map(|breaker| breaker.admit(patience)).transpose()
    }
}

#[async_trait]
impl Model for Resilient {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.repeat(|deadline, awaited| async move {
            let permit = self.admit(awaited)?;
            let outcome = within(deadline, self.model.generate(request)).await;
            if let Some(permit) = permit {
                permit.settle(&outcome);
            }
            outcome
        })
        .await
    }

    /// Resolves with the first piece in hand; what fails later is not repeated.
    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        self.repeat(|deadline, awaited| async move {
            let permit = self.admit(awaited)?;
            let opened = within(deadline, open(&*self.model, request)).await;
            match (permit, opened) {
                (Some(permit), Ok(stream)) => Ok(watched(stream, permit)),
                (Some(permit), failed) => {
                    permit.settle(&failed);
                    failed
                }
                (None, opened) => opened,
            }
        })
        .await
    }
}

impl Default for Resilience {
    fn default() -> Self {
        Self {
            call_timeout: Duration::from_mins(2),
            patience: Duration::from_mins(2),
            breaker: Some(BreakerSettings::default()),
            retry: Some(RetrySettings::default()),
        }
    }
}

/// The outcome of `work`, or that it took too long.
pub(crate) async fn within<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, ModelError>>,
) -> Result<T, ModelError> {
    timeout_at(deadline, work).await.unwrap_or(Err(ModelError::Timeout))
}

/// Opens a stream and waits for its first piece, whether or not the model does so itself.
async fn open(model: &dyn Model, request: &ModelRequest) -> Result<ModelStream, ModelError> {
    let mut stream = model.stream(request).await?;
    let first = stream.next().await.unwrap_or(Err(ModelError::upstream("the stream ended early")))?;
    Ok(once(async { Ok(first) }).chain(stream).boxed())
}

/// The stream, with its end reported to the circuit. Dropped before, it says nothing.
fn watched(stream: ModelStream, mut permit: Permit) -> ModelStream {
    permit.answering();
    let watched = unfold((stream, Some(permit)), |(mut stream, mut permit)| async move {
        let event = stream.next().await;
        let over = !matches!(event, Some(Ok(ModelEvent::Text(_))));
        if over && let Some(permit) = permit.take() {
            match &event {
                Some(event) => permit.settle(event),
                None => permit.settle::<()>(&Err(ModelError::upstream("the stream ended early"))),
            }
        }
        event.map(|event| (event, (stream, permit)))
    });
    watched.fuse().boxed()
}
