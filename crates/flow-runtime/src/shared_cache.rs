//! Answers that all replicas of a server share, with one computation at a time among all of them.
//!
//! The store implements [`SharedCache`]. This module decides what to ask of it and when to go on without it: a slow
//! or absent store delays a call by milliseconds and never costs it its answer.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{interval_at, sleep};

use crate::key::CallKey;
use crate::outcome::CacheOutcome;

/// A longer answer is returned but not cached, so that the cache stays within its memory.
pub(crate) const MAX_CACHED_LENGTH: usize = 256 * 1024;

/// How soon a replica first asks again for another one's answer; the pause doubles from then on.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause between two questions for another replica's answer.
const MAX_PAUSE: Duration = Duration::from_millis(200);

/// A store that all replicas reach. No method takes longer than milliseconds, even when the store is gone.
#[async_trait]
pub trait SharedCache: fmt::Debug + Send + Sync + 'static {
    /// Returns the answer, or asks for the right to compute it.
    async fn claim(&self, key: &CallKey) -> Claim;
}

/// A store's reply about one answer.
#[derive(Debug)]
pub enum Claim {
    /// The store has it.
    Cached {
        /// The answer.
        answer: Arc<str>,
        /// How long it is still valid.
        good_for: Duration,
    },
    /// This replica may compute it.
    Ours(Box<dyn Lease>),
    /// Another replica is computing it.
    Theirs {
        /// Identifies that computation.
        holder: Arc<str>,
    },
    /// The store is slow or gone.
    Unavailable,
}

/// The right to compute an answer, for a limited time. Dropping it gives it back as soon as the store can be reached;
/// a replica that dies loses it when the time is over.
#[async_trait]
pub trait Lease: fmt::Debug + Send + Sync {
    /// How often it must be renewed.
    fn renew_every(&self) -> Duration;

    /// Extends the time.
    async fn renew(&self);

    /// Stores the answer and gives the lease back.
    async fn fulfil(self: Box<Self>, answer: &Arc<str>);
}

/// An answer, where it came from, and how long it is valid if less than the cache's own time.
pub(crate) type Found = (Arc<str>, CacheOutcome, Option<Duration>);

/// Returns the answer of whichever replica has it or computes it first.
pub(crate) async fn get_or_compute<E>(
    store: &dyn SharedCache,
    key: &CallKey,
    compute: impl Future<Output = Result<Arc<str>, E>>,
) -> Result<Found, E> {
    let mut pause = FIRST_PAUSE;
    let mut awaited: Option<Arc<str>> = None;
    loop {
        match store.claim(key).await {
            Claim::Cached { answer, good_for } => {
                let outcome = if pause == FIRST_PAUSE { CacheOutcome::Hit } else { CacheOutcome::Coalesced };
                return Ok((answer, outcome, Some(good_for)));
            }
            Claim::Ours(lease) => {
                let answer = renew_during(&*lease, compute).await?;
                if answer.len() <= MAX_CACHED_LENGTH {
                    lease.fulfil(&answer).await;
                }
                return Ok((answer, CacheOutcome::Miss, None));
            }
            // If the other replica fails, the next claim gets the lease. The callers' own deadlines bound the loop:
            // when the last of them leaves, this future is dropped.
            Claim::Theirs { holder } if awaited.as_ref().is_none_or(|it| *it == holder) => {
                awaited = Some(holder);
                sleep(pause).await;
            }
            // The awaited computation ended without an answer. Waiting for the next one as well would make each
            // replica wait for the failures of all others.
            Claim::Theirs { .. } | Claim::Unavailable => {
                return Ok((compute.await?, CacheOutcome::Miss, None));
            }
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Renews a lease until the work is done.
async fn renew_during<T>(lease: &dyn Lease, work: impl Future<Output = T>) -> T {
    let every = lease.renew_every();
    let mut renewals = interval_at(tokio::time::Instant::now() + every, every);
    let renewing = async {
        loop {
            renewals.tick().await;
            lease.renew().await;
        }
    };
    tokio::select! {
        done = work => done,
        () = renewing => unreachable!("the loop never ends"),
    }
}
