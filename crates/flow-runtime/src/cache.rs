//! Answers kept for a while, and one computation at a time for each.
//!
//! Callers that ask for the same while it is being computed wait for the same computation. It belongs to all of
//! them and to nobody else: whoever of them is polled drives it, a caller that leaves does not stop it, and when
//! the last one leaves it is dropped. (moka could compute by itself, but there the first caller owns the work.)

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::driven::{Driven, WeakDriven};
use crate::flights::{Flights, Landing};
use crate::key::CallKey;
use crate::shared::{self, Found, SharedCache};

/// A longer answer is given to those who wait for it but not kept, or a thousand of them would fill the memory.
pub(crate) const LONGEST_KEPT: usize = 256 * 1024;

/// moka takes no more than a thousand years.
const LONGEST_TTL: Duration = Duration::from_hours(24 * 365);

/// How long answers are kept, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// How long an answer is good for.
    pub ttl: Duration,
    /// How many answers are kept; the one not used for longest goes first.
    pub max_entries: u64,
}

/// How an answer was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheOutcome {
    /// It had been kept.
    Hit,
    /// It was computed for this caller.
    Miss,
    /// It was being computed for another caller already.
    Coalesced,
}

/// A cache of JSON texts that are computed at most once at a time. Cloning it is cheap.
///
/// `E` is the error of the computations; all who wait get a copy. Errors are never kept.
pub struct ResponseCache<E> {
    answers: Cache<CallKey, Kept>,
    flights: Arc<Flights<Flight<E>>>,
    ttl: Duration,
    shared: Option<Arc<dyn SharedCache>>,
}

#[derive(Clone)]
struct Kept {
    answer: Arc<str>,
    until: Instant,
}

/// What a computation comes to; nothing, if it panicked.
type Computed<E> = Option<Result<(Arc<str>, CacheOutcome), E>>;
type Flight<E> = WeakDriven<Computed<E>>;

enum Place<E> {
    Kept(Arc<str>),
    Waiting(Driven<Computed<E>>, CacheOutcome),
}

impl<E: Clone + Send + Sync + 'static> ResponseCache<E> {
    /// An empty cache.
    pub fn new(settings: &CacheSettings) -> Self {
        let answers = Cache::builder()
            .max_capacity(settings.max_entries)
            .eviction_policy(EvictionPolicy::lru())
            // moka's own clock frees the memory; what is still good is decided by tokio's, which tests can set.
            .time_to_live(settings.ttl.min(LONGEST_TTL))
            .build();
        Self { answers, flights: Flights::new(), ttl: settings.ttl.min(LONGEST_TTL), shared: None }
    }

    /// The same behind a store that all replicas share: what one of them has computed the others need not.
    #[must_use]
    pub fn with_shared(mut self, store: Arc<dyn SharedCache>) -> Self {
        self.shared = Some(store);
        self
    }

    /// The answer under `key`: kept, being computed, or computed now.
    ///
    /// `compute` runs in the span it is given in. If it panics, so do all who wait for it.
    pub async fn get_or_compute<F>(&self, key: CallKey, compute: F) -> Result<(Arc<str>, CacheOutcome), E>
    where
        F: Future<Output = Result<Arc<str>, E>> + Send + 'static,
    {
        match self.place(key, compute) {
            Place::Kept(answer) => Ok((answer, CacheOutcome::Hit)),
            Place::Waiting(computation, outcome) => match computation.outcome().await {
                // Another replica may have had it; who joins a computation has joined it all the same.
                Some(computed) => computed.map(|(answer, found)| match outcome {
                    CacheOutcome::Coalesced => (answer, outcome),
                    _ => (answer, found),
                }),
                // The hook has reported the panic; whoever guards each waiter gets it as if it were its own.
                None => std::panic::resume_unwind(Box::new("the shared computation panicked")),
            },
        }
    }

    /// The answer under `key`, if this process has kept it: for callers who would rather not prepare a computation.
    pub fn kept(&self, key: &CallKey) -> Option<Arc<str>> {
        self.answers.get(key).filter(|kept| Instant::now() < kept.until).map(|kept| kept.answer)
    }

    fn place<F>(&self, key: CallKey, compute: F) -> Place<E>
    where
        F: Future<Output = Result<Arc<str>, E>> + Send + 'static,
    {
        if let Some(answer) = self.kept(&key) {
            return Place::Kept(answer);
        }
        let join = |flight: Option<&Flight<E>>| match flight.and_then(WeakDriven::upgrade) {
            Some(computation) => Some(Place::Waiting(computation, CacheOutcome::Coalesced)),
            // It may have landed between the look above and the lock.
            None => self.kept(&key).map(Place::Kept),
        };
        let start = |landing| {
            let computation = Driven::new(self.computation(key, compute, landing));
            // It has not been polled, so there is something to be weak about.
            let flight = computation.downgrade().unwrap_or_else(|| unreachable!("it has not ended"));
            (flight, Place::Waiting(computation, CacheOutcome::Miss))
        };
        self.flights.board(key, join, start)
    }

    fn computation<F>(
        &self,
        key: CallKey,
        compute: F,
        landing: Landing<Flight<E>>,
    ) -> impl Future<Output = Computed<E>> + Send + use<E, F>
    where
        F: Future<Output = Result<Arc<str>, E>> + Send + 'static,
    {
        let (answers, ttl, store) = (self.answers.clone(), self.ttl, self.shared.clone());
        let find = async move {
            match store {
                Some(store) => shared::ask(&*store, &key, compute).await,
                None => compute.await.map(|answer| -> Found { (answer, CacheOutcome::Miss, None) }),
            }
        };
        let work = async move {
            // Given back when this ends or is dropped, after the answer is kept: nobody can slip in between.
            let _landing = landing;
            let found = AssertUnwindSafe(find).catch_unwind().await.ok()?;
            Some(found.map(|(answer, outcome, good_for)| {
                if answer.len() <= LONGEST_KEPT {
                    let until = Instant::now() + good_for.map_or(ttl, |it| it.min(ttl));
                    answers.insert(key, Kept { answer: answer.clone(), until });
                }
                (answer, outcome)
            }))
        };
        work.in_current_span()
    }

    /// How many answers are kept, those past their time included until they are swept.
    pub fn entries(&self) -> u64 {
        self.answers.run_pending_tasks();
        self.answers.entry_count()
    }

    /// How many computations are under way.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }
}

impl CacheOutcome {
    /// The word for the `x-cache` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Coalesced => "coalesced",
        }
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { ttl: Duration::from_mins(5), max_entries: 1024 }
    }
}

impl<E> Clone for ResponseCache<E> {
    fn clone(&self) -> Self {
        let (answers, flights) = (self.answers.clone(), self.flights.clone());
        Self { answers, flights, ttl: self.ttl, shared: self.shared.clone() }
    }
}

impl<E> fmt::Debug for ResponseCache<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ResponseCache").field("in_flight", &self.flights.len()).finish_non_exhaustive()
    }
}
