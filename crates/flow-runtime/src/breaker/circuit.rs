//! The state machine alone: no clock, no lock, no log.

use std::time::Duration;

use tokio::time::Instant;

use super::{BreakerSettings, Verdict};

/// When to come back if probes are under way: nobody knows how long they take, but their verdict decides.
const PROBING: Duration = Duration::from_secs(1);

/// Whether a model is being called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// It is.
    Closed,
    /// It is left alone.
    Open,
    /// A few calls find out whether it is back.
    HalfOpen,
}

impl CircuitState {
    /// The state in a word, as people know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// A change of state, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Opened { failures: u32 },
    Reopened,
    Probing,
    Closed,
}

#[derive(Clone, Debug)]
pub(super) struct Circuit {
    settings: BreakerSettings,
    state: State,
    /// Counts the changes of state.
    period: u64,
}

#[derive(Clone, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen { probes: u32 },
}

impl Circuit {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: State::Closed { failures: 0 }, period: 0 }
    }

    /// The period a call is let through in, or when to come back.
    pub(super) fn admit(&mut self, now: Instant) -> (Result<u64, Duration>, Option<Change>) {
        match &mut self.state {
            State::Closed { .. } => (Ok(self.period), None),
            State::Open { until } if now < *until => (Err(*until - now), None),
            State::Open { .. } => {
                let change = self.enter(State::HalfOpen { probes: 1 }, Change::Probing);
                (Ok(self.period), change)
            }
            State::HalfOpen { probes } if *probes < self.settings.half_open_max.max(1) => {
                *probes += 1;
                (Ok(self.period), None)
            }
            State::HalfOpen { .. } => (Err(PROBING), None),
        }
    }

    /// A call of `period` is being answered. Returns the period its end belongs to.
    pub(super) fn answering(&mut self, period: u64) -> (u64, Option<Change>) {
        match self.state {
            State::HalfOpen { .. } if period == self.period => {
                let change = self.enter(State::Closed { failures: 0 }, Change::Closed);
                (self.period, change)
            }
            _ => (period, None),
        }
    }

    /// A call of `period` has ended.
    pub(super) fn report(&mut self, period: u64, verdict: Verdict, now: Instant) -> Option<Change> {
        if period != self.period {
            return None;
        }
        match (&mut self.state, verdict) {
            (State::Closed { failures }, Verdict::Healthy) => *failures = 0,
            (State::Closed { failures }, Verdict::Failing) => {
                *failures += 1;
                let failures = *failures;
                if failures >= self.settings.failure_threshold {
                    return self.open(now, Change::Opened { failures });
                }
            }
            (State::HalfOpen { .. }, Verdict::Healthy) => {
                return self.enter(State::Closed { failures: 0 }, Change::Closed);
            }
            (State::HalfOpen { .. }, Verdict::Failing) => return self.open(now, Change::Reopened),
            (State::HalfOpen { probes }, Verdict::Nothing) => *probes = probes.saturating_sub(1),
            // No call belongs to an open period.
            (State::Closed { .. }, Verdict::Nothing) | (State::Open { .. }, _) => {}
        }
        None
    }

    pub(super) fn state(&self, now: Instant) -> CircuitState {
        match self.state {
            State::Closed { .. } => CircuitState::Closed,
            State::Open { until } if now < until => CircuitState::Open,
            State::Open { .. } | State::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    fn open(&mut self, now: Instant, change: Change) -> Option<Change> {
        self.enter(State::Open { until: now + self.settings.recovery_timeout }, change)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the callers return it as it is")]
    fn enter(&mut self, state: State, change: Change) -> Option<Change> {
        self.state = state;
        self.period += 1;
        Some(change)
    }
}
