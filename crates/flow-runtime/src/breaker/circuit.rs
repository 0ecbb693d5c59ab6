//! The circuit as a state machine, without clock, lock and log.

use std::time::Duration;

use tokio::time::Instant;

/// The retry time while probes are in flight, whose duration nobody knows.
const PROBING: Duration = Duration::from_secs(1);

/// Whether a model is being called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// Yes.
    Closed,
    /// No, it failed too often.
    Open,
    /// A few calls probe whether it is back.
    HalfOpen,
}

impl CircuitState {
    /// The usual name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// When a circuit opens and how it recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// How many failures in a row open the circuit; at least one.
    pub failure_threshold: u32,
    /// How long it stays open.
    pub recovery_timeout: Duration,
    /// How many calls may be in flight while it is half open; at least one.
    pub half_open_max: u32,
}

/// What the end of a call shows of the provider's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Healthy,
    Failing,
    Unknown,
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

    /// Admits a call and returns the period it belongs to, or refuses it and returns when to retry.
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

    /// Reports that the answer to a call of `period` begins. Returns the period that its end belongs to.
    pub(super) fn answering(&mut self, period: u64) -> (u64, Option<Change>) {
        match self.state {
            State::HalfOpen { .. } if period == self.period => {
                let change = self.enter(State::Closed { failures: 0 }, Change::Closed);
                (self.period, change)
            }
            _ => (period, None),
        }
    }

    /// Reports that a call of `period` has ended.
    pub(super) fn report(&mut self, period: u64, health: Health, now: Instant) -> Option<Change> {
        if period != self.period {
            return None;
        }
        match (&mut self.state, health) {
            (State::Closed { failures }, Health::Healthy) => *failures = 0,
            (State::Closed { failures }, Health::Failing) => {
                *failures += 1;
                let failures = *failures;
                if failures >= self.settings.failure_threshold {
                    return self.open(now, Change::Opened { failures });
                }
            }
            (State::HalfOpen { .. }, Health::Healthy) => {
                return self.enter(State::Closed { failures: 0 }, Change::Closed);
            }
            (State::HalfOpen { .. }, Health::Failing) => return self.open(now, Change::Reopened),
            (State::HalfOpen { probes }, Health::Unknown) => *probes = probes.saturating_sub(1),
            // An open circuit admits no calls.
            (State::Closed { .. }, Health::Unknown) | (State::Open { .. }, _) => {}
        }
        None
    }

    /// The period that the circuit is in.
    pub(super) fn period(&self) -> u64 {
        self.period
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

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failure_threshold: 5, recovery_timeout: Duration::from_secs(30), half_open_max: 1 }
    }
}
