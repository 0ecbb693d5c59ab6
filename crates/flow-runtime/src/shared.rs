//! Answers that all replicas of a server share, and one computation at a time among all of them.
//!
//! The store is somebody else's ([`SharedCache`]); what is asked of it, and when to go on without it, is decided
//! here. A store that is slow or gone costs a call a few milliseconds at most and never its answer.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{interval_at, sleep};

use crate::cache::{CacheOutcome, LONGEST_KEPT};
use crate::key::CallKey;

/// How often a replica looks whether another one's answer is there: soon at first, then more seldom.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A store that all replicas reach. No method takes longer than milliseconds, whatever became of the store.
#[async_trait]
pub trait SharedCache: fmt::Debug + Send + Sync + 'static {
    /// Looks for an answer and, if there is none, asks for the right to compute it.
    async fn claim(&self, key: &CallKey) -> Claim;
}

/// What a store says of an answer.
#[derive(Debug)]
pub enum Claim {
    /// It is there.
    Kept {
        /// The answer.
        answer: Arc<str>,
        /// For how long it is still good.
        good_for: Duration,
    },
    /// It is this replica's to compute.
    Ours(Box<dyn Lease>),
    /// Another replica computes it.
    Theirs {
        /// A word for its computation, which no other has.
        holder: Arc<str>,
    },
    /// The store cannot say: it is slow or gone.
    Unavailable,
}

/// The right to compute an answer, for a while. Dropped, it is given back as soon as the store can be told; a
/// replica that dies loses it when its time is over.
#[async_trait]
pub trait Lease: fmt::Debug + Send + Sync {
    /// How often it must be renewed.
    fn renew_every(&self) -> Duration;

    /// Makes it last.
    async fn renew(&self);

    /// Gives it back together with the answer.
    async fn fulfil(self: Box<Self>, answer: &Arc<str>);
}

/// An answer, how it was come by, and for how long it is good if not for the whole time.
pub(crate) type Found = (Arc<str>, CacheOutcome, Option<Duration>);

/// The answer of whichever replica has it or gets it first.
pub(crate) async fn ask<E>(
    store: &dyn SharedCache,
    key: &CallKey,
    compute: impl Future<Output = Result<Arc<str>, E>>,
) -> Result<Found, E> {
    let mut pause = FIRST_LOOK;
    let mut awaited: Option<Arc<str>> = None;
    loop {
        match store.claim(key).await {
            Claim::Kept { answer, good_for } => {
                let outcome = if pause == FIRST_LOOK { CacheOutcome::Hit } else { CacheOutcome::Coalesced };
                return Ok((answer, outcome, Some(good_for)));
            }
            Claim::Ours(lease) => {
                let answer = hold(&*lease, compute).await?;
                if answer.len() <= LONGEST_KEPT {
                    lease.fulfil(&answer).await;
                }
                return Ok((answer, CacheOutcome::Miss, None));
            }
            // Who computes it may die, fail or be cut off; then the next look claims it. The deadline is the
            // callers': when the last of them leaves, this is dropped.
            Claim::Theirs { holder } if awaited.as_ref().is_none_or(|it| *it == holder) => {
                awaited = Some(holder);
                sleep(pause).await;
            }
            // The computation that was waited for has ended without an answer. To wait for the next would put the
            // replicas in a line, where each waits for all failures before its own.
            Claim::Theirs { .. } | Claim::Unavailable => {
                return Ok((compute.await?, CacheOutcome::Miss, None));
            }
        }
        pause = (pause * 2).min(LOOK_EVERY);
    }
}

/// Renews a lease while the work goes on.
async fn hold<T>(lease: &dyn Lease, work: impl Future<Output = T>) -> T {
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
        () = renewing => unreachable!("it goes on for ever"),
    }
}
