//! The circuit breaker: after several failures in a row a model is not called for a while.
//!
//! A closed circuit admits calls and counts failures in a row. At the threshold it opens and refuses calls. After the
//! recovery time it is half open: it admits a few probes, and the first of them to end closes or opens it.
//!
//! A failure is a provider that could not be reached, failed, broke off, did not answer in time or is over its quota
//! (429), with all repetitions of the call. A success is a whole answer, or a refusal, since the model has read the
//! request. Everything else counts neither way: a request or key that the provider rejects, an answer that cannot be
//! used, a caller that leaves. A failure that the request itself may have caused counts neither way while other calls
//! succeed, or when it is a probe's, unless as many probes in a row as open the circuit end so. A probe
//! succeeds as soon as its answer begins, or a slow reader of a stream would block everybody; if the stream breaks
//! off later, that counts as a first failure.
//!
//! No crate fits: failsafe and recloser admit any number of calls when half open, tower-resilience judges a call when
//! its future ends and so cannot judge a stream, and all of them read a clock that tests cannot pause.

mod circuit;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use self::circuit::{BreakerSettings, CircuitState};
use self::circuit::{Change, Circuit, Health};
use crate::error::ModelError;
use crate::trace::TARGET;
use flow_metrics::CIRCUIT_OPEN;

/// The circuit breaker of one model.
pub(crate) struct Breaker {
    model: String,
    failure_threshold: u32,
    guarded: Mutex<Guarded>,
}

/// The circuit, and what is remembered to judge a failure that the request may have caused.
struct Guarded {
    circuit: Circuit,
    last_success: Option<Instant>,
    /// How many probes in a row have ended so.
    unclear_probes: u32,
}

/// For how long a success shows that the model is well.
const WELL_FOR: Duration = Duration::from_secs(10);

impl Guarded {
    /// What the end of a call shows of the provider's health.
    fn judge<T>(
        &mut self,
        outcome: &Result<T, ModelError>,
        failure_threshold: u32,
        period: u64,
        now: Instant,
    ) -> Health {
        let health = Health::of(outcome);
        // What began in an earlier period is no probe, and is not counted in any case.
        if period != self.circuit.period() {
            return health;
        }
        if health == Health::Healthy {
            self.last_success = Some(now);
        }
        if !matches!(outcome, Err(ModelError::Upstream { may_be_the_request: true, .. })) {
            self.unclear_probes = 0;
            return health;
        }
        if self.circuit.state(now) == CircuitState::HalfOpen {
            self.unclear_probes += 1;
            if self.unclear_probes < failure_threshold {
                return Health::Unknown;
            }
            self.unclear_probes = 0;
        } else if self.last_success.is_some_and(|it| now < it + WELL_FOR) {
            return Health::Unknown;
        }
        health
    }
}

/// The right to make one call. Dropping it unsettled reports that the caller left.
pub(crate) struct Permit {
    breaker: Arc<Breaker>,
    /// The circuit's period it belongs to; reports from earlier periods are ignored.
    period: u64,
    /// A call dropped after this without an answer counts as a failure.
    overdue: Instant,
    answering: bool,
    settled: bool,
}

impl Breaker {
    pub(crate) fn new(model: &str, settings: BreakerSettings) -> Arc<Self> {
        metrics::gauge!(CIRCUIT_OPEN.name, "gen_ai.request.model" => model.to_owned()).set(0);
        let circuit = Circuit::new(settings);
        let guarded = Guarded { circuit, last_success: None, unclear_probes: 0 };
        let failure_threshold = settings.failure_threshold;
        Arc::new(Self { model: model.to_owned(), failure_threshold, guarded: Mutex::new(guarded) })
    }

    /// Admits a call whose caller waits for `wait_time`, or refuses it.
    pub(crate) fn admit(self: &Arc<Self>, wait_time: Duration) -> Result<Permit, ModelError> {
        let now = Instant::now();
        let (admission, change) = self.lock().circuit.admit(now);
        self.log(change);
        let period = admission.map_err(|retry_after| ModelError::CircuitOpen { retry_after })?;
        // The request's deadline may drop the call a moment before its own. If that counted as leaving, a silent
        // provider would never open the circuit.
        let overdue = now + wait_time.mul_f32(0.9);
        Ok(Permit { breaker: self.clone(), period, overdue, answering: false, settled: false })
    }

    pub(crate) fn state(&self) -> CircuitState {
        self.lock().circuit.state(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        // Nothing panics between two changes of the circuit, so a poisoned lock holds a consistent one.
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, change: Option<Change>) {
        let model = self.model.as_str();
        if let Some(change) = change {
            let open = !matches!(change, Change::Closed);
            metrics::gauge!(CIRCUIT_OPEN.name, "gen_ai.request.model" => model.to_owned())
                .set(u8::from(open));
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
    /// Reports that the answer has begun. A stream keeps its permit until it ends.
    pub(crate) fn answering(&mut self) {
        self.answering = true;
        let mut guarded = self.breaker.lock();
        guarded.last_success = Some(Instant::now());
        let (period, change) = guarded.circuit.answering(self.period);
        drop(guarded);
        self.period = period;
        self.breaker.log(change);
    }

    /// Reports how the call has ended.
    pub(crate) fn settle<T>(mut self, outcome: &Result<T, ModelError>) {
        let health = {
            let (threshold, now) = (self.breaker.failure_threshold, Instant::now());
            self.breaker.lock().judge(outcome, threshold, self.period, now)
        };
        self.report(health);
    }

    fn report(&mut self, health: Health) {
        self.settled = true;
        let change = self.breaker.lock().circuit.report(self.period, health, Instant::now());
        self.breaker.log(change);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            let unanswered = !self.answering && Instant::now() >= self.overdue;
            self.report(if unanswered { Health::Failing } else { Health::Unknown });
        }
    }
}

impl Health {
    fn of<T>(outcome: &Result<T, ModelError>) -> Self {
        match outcome {
            Ok(_) | Err(ModelError::Refused { .. }) => Self::Healthy,
            Err(
                ModelError::Unreachable { .. }
                | ModelError::Upstream { .. }
                | ModelError::Timeout
                | ModelError::Quota { .. },
            ) => Self::Failing,
            // Some of these never reach the provider, so they must not close a circuit either.
            Err(
                ModelError::Rejected { .. }
                | ModelError::Unusable { .. }
                | ModelError::Malformed { .. }
                | ModelError::NotConfigured
                | ModelError::CircuitOpen { .. }
                | ModelError::Crowded
                | ModelError::Internal { .. },
            ) => Self::Unknown,
        }
    }
}
