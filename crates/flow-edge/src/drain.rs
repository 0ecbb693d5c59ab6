//! The three phases of a server's life, and a count of the work under way.
//!
//! *Serving*: work is taken. *Draining*: no new work, what runs may finish, `/ready` says no. *Ending*: the
//! grace is over; streams write their terminal frame and calls still running are answered with 503.

use metrics::Gauge;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The phase of the server. Clones share it.
#[derive(Clone, Debug)]
pub struct Drain {
    draining: CancellationToken,
    ending: CancellationToken,
    work: TaskTracker,
    active: Gauge,
}

/// A piece of work under way, for as long as it is held.
#[derive(Debug)]
#[must_use = "the work counts as done when this is dropped"]
pub struct Work {
    _token: TaskTrackerToken,
    active: Gauge,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.active.decrement(1);
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            draining: CancellationToken::default(),
            ending: CancellationToken::default(),
            work: TaskTracker::default(),
            active: metrics::gauge!(flow_metrics::ACTIVE.name),
        }
    }
}

impl Drain {
    /// From serving to draining: takes no more work.
    pub fn start_draining(&self) {
        self.draining.cancel();
        self.work.close();
    }

    /// From draining to ending: what still runs is told to end now.
    pub fn start_ending(&self) {
        self.start_draining();
        self.ending.cancel();
    }

    /// Whether new work is refused.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Resolves once new work is refused. Waits for ever while the server serves.
    pub async fn draining_started(&self) {
        self.draining.cancelled().await;
    }

    /// Resolves once the grace is over, and what runs must end. Waits for ever while the server serves.
    pub async fn ending_started(&self) {
        self.ending.cancelled().await;
    }

    /// Whether the grace is over.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.is_cancelled()
    }

    /// The same as [`ending_started`](Self::ending_started), for streams that must own what they wait for.
    pub(crate) fn ending_started_owned(&self) -> WaitForCancellationFutureOwned {
        self.ending.clone().cancelled_owned()
    }

    /// Counts a piece of work in.
    pub fn begin(&self) -> Work {
        self.active.increment(1);
        Work { _token: self.work.token(), active: self.active.clone() }
    }

    /// How many pieces of work are under way.
    pub fn in_flight(&self) -> usize {
        self.work.len()
    }

    /// Resolves once draining has begun and no work is left.
    pub async fn idle(&self) {
        self.work.wait().await;
    }
}
