//! The circuit breaker: after several failures in a row a model is left alone for a while.
//!
//! Closed, it lets calls through and counts failures in a row. At the threshold it opens and refuses calls. When the
//! recovery time is over it is half open: it lets a few probes through, and the first of them to be settled closes
//! or opens it.
//!
//! A failure is a provider that could not be reached, failed, broke off, said nothing in time or asked for patience
//! (429). A success is a whole answer, or a refusal: the model read the request and judged it. Everything else says
//! nothing about the provider's health: a request or key it rejects, an answer that makes no sense, a caller that
//! leaves. A probe is successful as soon as its answer begins, or a slow reader of a stream would keep everybody
//! waiting; if the stream breaks off later, that counts as a first failure.
//!
//! It is our own because the crates for it do not fit: failsafe and recloser let any number of calls through when
//! half open, tower-resilience judges a call when its future ends, so not a stream, and all of them read a clock
//! that tests cannot set.

mod circuit;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use self::circuit::CircuitState;
use self::circuit::{Change, Circuit};
use crate::error::ModelError;
use crate::trace::TARGET;

/// When a circuit opens and how it recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// How many failures in a row open the circuit; at least one.
    pub failure_threshold: u32,
    /// How long it stays open.
    pub recovery_timeout: Duration,
    /// How many calls may be under way while it is half open; at least one.
    pub half_open_max: u32,
}

/// The circuit breaker of one model.
pub(crate) struct Breaker {
    model: String,
    circuit: Mutex<Circuit>,
}

/// The right to make one call. Dropped unsettled, it says that the caller left.
pub(crate) struct Permit {
    breaker: Arc<Breaker>,
    /// Which period of the circuit it was given in; the verdicts of calls from earlier ones come too late.
    period: u64,
    /// A call that has waited until then without an answer was not left for lack of interest.
    given_up: Instant,
    answering: bool,
    settled: bool,
}

/// What the end of a call says about the provider's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Healthy,
    Failing,
    Nothing,
}

impl Breaker {
    pub(crate) fn new(model: &str, settings: BreakerSettings) -> Arc<Self> {
        metrics::gauge!("circuit_open", "model" => model.to_owned()).set(0);
        Arc::new(Self { model: model.to_owned(), circuit: Mutex::new(Circuit::new(settings)) })
    }

    /// Asks for the right to make a call that may take as long as `patience`.
    pub(crate) fn admit(self: &Arc<Self>, patience: Duration) -> Result<Permit, ModelError> {
        let now = Instant::now();
        let (admission, change) = self.lock().admit(now);
        self.log(change);
        let period = admission.map_err(|retry_after| ModelError::CircuitOpen { retry_after })?;
        // The deadline of the request around this call may pass a moment before the call's own and drop it; if
        // that counted as leaving, a silent provider would never open the circuit.
        let given_up = now + patience.mul_f32(0.9);
        Ok(Permit { breaker: self.clone(), period, given_up, answering: false, settled: false })
    }

    pub(crate) fn state(&self) -> CircuitState {
        self.lock().state(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        // Nothing under the lock leaves the circuit half changed.
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, change: Option<Change>) {
        let model = self.model.as_str();
        if let Some(change) = change {
            let open = !matches!(change, Change::Closed);
            metrics::gauge!("circuit_open", "model" => model.to_owned()).set(u8::from(open));
        }
        match change {
            Some(Change::Opened { failures }) => {
                tracing::warn!(target: TARGET, model, failures, "circuit open: the model is left alone");
            }
            Some(Change::Reopened) => {
                tracing::warn!(target: TARGET, model, "circuit open again: the probe failed");
            }
            Some(Change::Probing) => tracing::info!(target: TARGET, model, "circuit half open: probing"),
            Some(Change::Closed) => {
                tracing::info!(target: TARGET, model, "circuit closed: the model is back");
            }
            None => {}
        }
    }
}

impl Permit {
    /// The answer has begun. A stream's permit lives on until the stream ends.
    pub(crate) fn answering(&mut self) {
        self.answering = true;
        let (period, change) = self.breaker.lock().answering(self.period);
        self.period = period;
        self.breaker.log(change);
    }

    /// The call has ended.
    pub(crate) fn settle<T>(mut self, outcome: &Result<T, ModelError>) {
        self.report(Verdict::of(outcome));
    }

    fn report(&mut self, verdict: Verdict) {
        self.settled = true;
        let change = self.breaker.lock().report(self.period, verdict, Instant::now());
        self.breaker.log(change);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            let in_vain = !self.answering && Instant::now() >= self.given_up;
            self.report(if in_vain { Verdict::Failing } else { Verdict::Nothing });
        }
    }
}

impl Verdict {
    fn of<T>(outcome: &Result<T, ModelError>) -> Self {
        match outcome {
            Ok(_) | Err(ModelError::Refused { .. }) => Self::Healthy,
            Err(ModelError::Upstream { .. } | ModelError::Timeout | ModelError::Quota { .. }) => {
                Self::Failing
            }
            // Some of these never reach the provider: what a caller sends must not close a circuit either.
            Err(
                ModelError::Rejected { .. }
                | ModelError::Unusable { .. }
                | ModelError::NotConfigured
                | ModelError::CircuitOpen { .. }
                | ModelError::Crowded
                | ModelError::Internal { .. },
            ) => Self::Nothing,
        }
    }
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failure_threshold: 5, recovery_timeout: Duration::from_secs(30), half_open_max: 1 }
    }
}
