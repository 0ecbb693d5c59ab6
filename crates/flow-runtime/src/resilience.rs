//! The guards around a model: a deadline, a circuit breaker, and retries.
//!
//! # Which deadline ends a call
//!
//! Several deadlines have the same length by default. [`Resilience::call_timeout`] ends a call: it covers all attempts,
//! and models that are asked in turn share it. The deadline of the request, if it is known, ends it earlier. A model
//! may have its own limit besides. That of `flow-models` is for programs that use a model without these guards, and it
//! begins anew with each attempt, so it never ends before the call's. After the first piece of a stream the call's
//! deadline is over: from then on only the model's limit on the time between two pieces holds. The request timeout of
//! the edge drops the call together with its request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use crate::breaker::{Breaker, BreakerSettings, CircuitState, Permit};
use crate::error::ModelError;
use crate::model::{Model, ModelChunk, ModelRequest, ModelResponse, ModelStream};
use crate::retry::{Retry, RetrySettings};

/// Longer times could overflow an instant.
const MAX_TIME: Duration = Duration::from_hours(24 * 365);

/// How model calls are guarded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resilience {
    /// How long a call may take with all its repetitions and fallbacks: until its answer is whole, or until the
    /// first piece of a streamed one.
    pub call_timeout: Duration,
    /// How long the request around the call may take. A model that is silent until about then counts as failed, and
    /// no retry starts after half of this time.
    pub request_timeout: Duration,
    /// When a failing model is not called for a while; `None` calls it always.
    pub breaker: Option<BreakerSettings>,
    /// When a call is repeated; `None` repeats none.
    pub retry: Option<RetrySettings>,
}

impl Resilience {
    /// Limits the times to what an instant can hold.
    pub(crate) fn bounded(mut self) -> Self {
        self.call_timeout = self.call_timeout.min(MAX_TIME);
        self.request_timeout = self.request_timeout.min(self.call_timeout);
        if let Some(breaker) = &mut self.breaker {
            breaker.recovery_timeout = breaker.recovery_timeout.min(MAX_TIME);
        }
        if let Some(retry) = &mut self.retry {
            retry.base_delay = retry.base_delay.min(MAX_TIME);
            retry.longest_retry_after = retry.longest_retry_after.min(MAX_TIME);
        }
        self
    }
}

/// A model with its guards.
pub(crate) struct Resilient {
    model: Arc<dyn Model>,
    timeout: Duration,
    request_timeout: Duration,
    breaker: Option<Arc<Breaker>>,
    retry: Option<Retry>,
}

impl Resilient {
    pub(crate) fn new(model: Arc<dyn Model>, settings: &Resilience) -> Self {
        let breaker = settings.breaker.map(|settings| Breaker::new(model.name(), settings));
        let retry = settings.retry.map(Retry::new);
        Self {
            model,
            timeout: settings.call_timeout,
            request_timeout: settings.request_timeout,
            breaker,
            retry,
        }
    }

    /// The state of the model's circuit, if it has one.
    pub(crate) fn circuit(&self) -> Option<CircuitState> {
        self.breaker.as_ref().map(|breaker| breaker.state())
    }

    /// The deadlines of a call and of the request around it.
    fn deadlines(&self, request: &ModelRequest) -> (Instant, Instant) {
        let now = Instant::now();
        let by = |patience| request.deadline.map_or(now + patience, |it| it.min(now + patience));
        (by(self.timeout), by(self.request_timeout))
    }

    /// Runs `attempt`, with retries.
    async fn repeat<T, W>(
        &self,
        request_deadline: Instant,
        mut attempt: impl FnMut() -> W,
    ) -> Result<T, ModelError>
    where
        W: Future<Output = Result<T, ModelError>>,
    {
        let Some(retry) = &self.retry else { return attempt().await };
        // A repetition gets at least as much time as those before it, or it would turn a failure into a timeout.
        let now = Instant::now();
        let last_start = now + request_deadline.saturating_duration_since(now) / 2;
        // Somebody else's failures may have opened the circuit; a probe is not repeated.
        let may_repeat = || matches!(self.circuit(), None | Some(CircuitState::Closed));
        retry.run(self.model.name(), last_start, may_repeat, attempt).await
    }

    fn admit(&self, request_deadline: Instant) -> Result<Option<Permit>, ModelError> {
        let wait_time = request_deadline.saturating_duration_since(Instant::now());
        self.breaker.as_ref().map(|breaker| breaker.admit(wait_time)).transpose()
    }
}

#[async_trait]
impl Model for Resilient {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn is_available(&self) -> bool {
        self.circuit() != Some(CircuitState::Open)
    }

    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let (deadline, request_deadline) = self.deadlines(request);
        let permit = self.admit(request_deadline)?;
        let attempt = || until(deadline, self.model.generate(request));
        let outcome = self.repeat(request_deadline, attempt).await;
        if let Some(permit) = permit {
            permit.settle(&outcome);
        }
        outcome
    }

    /// Resolves once the first piece is there. A failure after that is not repeated.
    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        let (deadline, request_deadline) = self.deadlines(request);
        let mut permit = self.admit(request_deadline)?;
        let attempt = || until(deadline, open(&*self.model, request));
        let opened = self.repeat(request_deadline, attempt).await;
        match opened {
            Ok((first, rest)) => {
                let model = rest.model.clone();
                if let Some(permit) = &mut permit {
                    permit.answering();
                }
                Ok(ModelStream::new(model, Opened { first: Some(first), rest: Some(rest), permit }))
            }
            Err(error) => {
                let failed = Err(error);
                if let Some(permit) = permit {
                    permit.settle(&failed);
                }
                failed
            }
        }
    }
}

impl Default for Resilience {
    fn default() -> Self {
        Self {
            call_timeout: Duration::from_mins(2),
            request_timeout: Duration::from_mins(2),
            breaker: Some(BreakerSettings::default()),
            retry: Some(RetrySettings::default()),
        }
    }
}

/// Runs `work` until the deadline.
pub(crate) async fn until<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, ModelError>>,
) -> Result<T, ModelError> {
    timeout_at(deadline, work).await.unwrap_or(Err(ModelError::Timeout))
}

/// Opens a stream and waits for its first piece.
async fn open(model: &dyn Model, request: &ModelRequest) -> Result<(ModelChunk, ModelStream), ModelError> {
    let mut stream = model.stream(request).await?;
    let first = stream.next().await.unwrap_or(Err(ModelError::upstream("the stream ended early")))?;
    Ok((first, stream))
}

/// A stream whose first piece has come. Its end is reported to the circuit; dropping it earlier reports nothing.
struct Opened {
    first: Option<ModelChunk>,
    rest: Option<ModelStream>,
    permit: Option<Permit>,
}

impl Opened {
    fn settle<T>(&mut self, outcome: &Result<T, ModelError>) {
        if let Some(permit) = self.permit.take() {
            permit.settle(outcome);
        }
    }
}

impl Stream for Opened {
    type Item = Result<ModelChunk, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = match (self.first.take(), &mut self.rest) {
            (Some(first), _) => Some(Ok(first)),
            (None, Some(rest)) => ready!(rest.poll_next_unpin(cx)),
            (None, None) => return Poll::Ready(None),
        };
        match &event {
            Some(Ok(ModelChunk::Text(_) | ModelChunk::Thought(_))) => {}
            Some(event) => self.settle(event),
            None => {
                self.rest = None;
                self.settle::<()>(&Err(ModelError::upstream("the stream ended early")));
            }
        }
        Poll::Ready(event)
    }
}
