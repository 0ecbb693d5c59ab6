//! Retries, with growing delays and a budget.
//!
//! A call is repeated if the provider failed or broke off before its answer began, or is over its quota and asks for a
//! short wait. No retry starts after half of the request timeout, nor when the model's retries exceed their share
//! of its calls.

use std::fmt;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio::time::Instant;
use tower::retry::budget::{Budget as _, TpsBudget};

use crate::error::ModelError;
use crate::trace::TARGET;
use flow_metrics::RETRIES;

/// The time over which the budget counts calls.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);

/// When to repeat a call, and how often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetrySettings {
    /// How often one call may be repeated.
    pub max_retries: usize,
    /// The shortest wait before the first repetition; it doubles for the next, and up to as much again is added at
    /// random.
    pub base_delay: Duration,
    /// The longest wait that a provider's `Retry-After` may ask for. If it asks for more, the call fails at once.
    pub longest_retry_after: Duration,
    /// How many repetitions per call a model gets on average, such as 0.1 for one in ten calls.
    pub budget: f32,
    /// How many repetitions per second a model gets in any case.
    pub budget_floor: u32,
}

/// Retries for one model, with their common budget.
pub(crate) struct Retry {
    settings: RetrySettings,
    budget: TpsBudget,
}

impl Retry {
    pub(crate) fn new(settings: RetrySettings) -> Self {
        let share = if settings.budget.is_finite() { settings.budget.clamp(0.0, 1000.0) } else { 0.0 };
        let floor = settings.budget_floor.min(1_000_000);
        Self { settings, budget: TpsBudget::new(BUDGET_WINDOW, floor, share) }
    }

    /// Makes a call and repeats it while `may_repeat` and not after `last_start`.
    pub(crate) async fn run<T, W>(
        &self,
        model: &str,
        last_start: Instant,
        may_repeat: impl Fn() -> bool,
        attempt: impl FnMut() -> W,
    ) -> Result<T, ModelError>
    where
        W: Future<Output = Result<T, ModelError>>,
    {
        self.budget.deposit();
        let delays = ExponentialBuilder::new()
            .with_min_delay(self.settings.base_delay)
            .with_max_times(self.settings.max_retries)
            .with_jitter();
        attempt
            .retry(delays)
            .when(|_| may_repeat())
            .adjust(|error, delay| self.wait(error, delay?, last_start))
            .notify(|error, wait| {
                metrics::counter!(RETRIES.name, "gen_ai.request.model" => model.to_owned()).increment(1);
                tracing::debug!(target: TARGET, model, %error, ?wait, "asking again");
            })
            .await
    }

    /// The wait before the call is repeated; `None` if it is not.
    fn wait(&self, error: &ModelError, delay: Duration, last_start: Instant) -> Option<Duration> {
        let retry_after = match error {
            ModelError::Upstream { retry_after, .. } | ModelError::Quota { retry_after } => retry_after,
            ModelError::Unreachable { .. } => &None,
            _ => return None,
        };
        let wait = match retry_after {
            None => delay,
            // The delay on top spreads callers that were all told the same wait.
            Some(told) if *told <= self.settings.longest_retry_after => *told + delay,
            Some(_) => return None,
        };
        // The budget is asked last, because asking spends it.
        (Instant::now() + wait < last_start && self.budget.withdraw()).then_some(wait)
    }
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_retries: 2,
            base_delay: Duration::from_millis(200),
            longest_retry_after: Duration::from_secs(5),
            budget: 0.1,
            budget_floor: 1,
        }
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Retry").field("settings", &self.settings).finish_non_exhaustive()
    }
}
