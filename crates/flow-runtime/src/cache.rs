//! A cache of answers, with at most one computation at a time for each.
//!
//! Callers with the same key await the same computation. Whichever of them is polled drives it; a caller that leaves
//! does not stop it, and when the last one leaves it is dropped. In moka's own `get_with` the first caller owns the
//! computation, so that its leaving would restart it.

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

use crate::in_flight::{Entry, InFlight};
use crate::key::CallKey;
use crate::outcome::CacheOutcome;
use crate::shared_cache::{self, Found, MAX_CACHED_LENGTH, SharedCache};
use crate::shared_future::{SharedFuture, WeakSharedFuture};

/// moka refuses more than a thousand years.
const MAX_TTL: Duration = Duration::from_hours(24 * 365);

/// How long answers are cached, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// How long an answer is valid.
    pub ttl: Duration,
    /// How many answers are cached; the least recently used one is evicted first.
    pub max_entries: u64,
}

/// A cache of JSON texts; cloning it is cheap.
///
/// `E` is the error of the computations: every caller that waits gets a copy, and none is cached.
pub struct ResponseCache<E> {
    answers: Cache<CallKey, Cached>,
    in_flight: Arc<InFlight<Computation<E>>>,
    ttl: Duration,
    shared: Option<Arc<dyn SharedCache>>,
}

#[derive(Clone)]
struct Cached {
    answer: Arc<str>,
    until: Instant,
}

/// The output of a computation; `None` if it panicked.
type Computed<E> = Option<Result<(Arc<str>, CacheOutcome), E>>;
type Computation<E> = WeakSharedFuture<Computed<E>>;

enum Lookup<E> {
    Cached(Arc<str>),
    Waiting(SharedFuture<Computed<E>>, CacheOutcome),
}

impl<E: Clone + Send + Sync + 'static> ResponseCache<E> {
    /// An empty cache.
    pub fn new(settings: &CacheSettings) -> Self {
        let answers = Cache::builder()
            .max_capacity(settings.max_entries)
            .eviction_policy(EvictionPolicy::lru())
            // moka's clock only frees memory. `Cached::until` decides by tokio's clock, which tests can pause.
            .time_to_live(settings.ttl.min(MAX_TTL))
            .build();
        Self { answers, in_flight: InFlight::new(), ttl: settings.ttl.min(MAX_TTL), shared: None }
    }

    /// Asks a store that all replicas share before it computes.
    #[must_use]
    pub fn with_shared(mut self, store: Arc<dyn SharedCache>) -> Self {
        self.shared = Some(store);
        self
    }

    /// Returns the answer under `key` from the cache, from a computation in flight, or from `compute`.
    ///
    /// `compute` runs in the current span. If it panics, every caller that waits for it panics.
    pub async fn get_or_compute<F>(&self, key: CallKey, compute: F) -> Result<(Arc<str>, CacheOutcome), E>
    where
        F: Future<Output = Result<Arc<str>, E>> + Send + 'static,
    {
        match self.look_up(key, compute) {
            Lookup::Cached(answer) => Ok((answer, CacheOutcome::Hit)),
            Lookup::Waiting(computation, outcome) => match computation.output().await {
                // Joiners report `coalesced` even on a shared hit.
                Some(computed) => computed.map(|(answer, found)| match outcome {
                    CacheOutcome::Coalesced => (answer, outcome),
                    _ => (answer, found),
                }),
                // The panic hook has run already, so each caller only unwinds.
                None => std::panic::resume_unwind(Box::new("the shared computation panicked")),
            },
        }
    }

    /// Returns the answer under `key` if this process has cached it.
    pub fn get(&self, key: &CallKey) -> Option<Arc<str>> {
        self.answers.get(key).filter(|it| Instant::now() < it.until).map(|it| it.answer)
    }

    fn look_up<F>(&self, key: CallKey, compute: F) -> Lookup<E>
    where
        F: Future<Output = Result<Arc<str>, E>> + Send + 'static,
    {
        if let Some(answer) = self.get(&key) {
            return Lookup::Cached(answer);
        }
        let join = |work: Option<&Computation<E>>| match work.and_then(WeakSharedFuture::upgrade) {
            Some(computation) => Some(Lookup::Waiting(computation, CacheOutcome::Coalesced)),
            // It may have ended between the look-up above and the lock.
            None => self.get(&key).map(Lookup::Cached),
        };
        let start = |entry| {
            let computation = SharedFuture::new(self.computation(key, compute, entry));
            let weak = computation.downgrade().unwrap_or_else(|| unreachable!("it has not been polled"));
            (weak, Lookup::Waiting(computation, CacheOutcome::Miss))
        };
        self.in_flight.join_or_start(key, join, start)
    }

    fn computation<F>(
        &self,
        key: CallKey,
        compute: F,
        entry: Entry<Computation<E>>,
    ) -> impl Future<Output = Computed<E>> + Send + use<E, F>
    where
        F: Future<Output = Result<Arc<str>, E>> + Send + 'static,
    {
        let (answers, ttl, store) = (self.answers.clone(), self.ttl, self.shared.clone());
        let find = async move {
            match store {
                Some(store) => shared_cache::get_or_compute(&*store, &key, compute).await,
                None => compute.await.map(|answer| -> Found { (answer, CacheOutcome::Miss, None) }),
            }
        };
        let work = async move {
            // The entry is removed after the answer is cached, so that no caller finds neither.
            let _entry = entry;
            let found = AssertUnwindSafe(find).catch_unwind().await.ok()?;
            Some(found.map(|(answer, outcome, valid_for)| {
                if answer.len() <= MAX_CACHED_LENGTH {
                    let until = Instant::now() + valid_for.map_or(ttl, |it| it.min(ttl));
                    answers.insert(key, Cached { answer: answer.clone(), until });
                }
                (answer, outcome)
            }))
        };
        work.in_current_span()
    }

    /// How many answers are cached, including expired ones that are not yet removed.
    pub fn entries(&self) -> u64 {
        self.answers.run_pending_tasks();
        self.answers.entry_count()
    }

    /// How many computations are in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { ttl: Duration::from_mins(5), max_entries: 1024 }
    }
}

impl<E> Clone for ResponseCache<E> {
    fn clone(&self) -> Self {
        let (answers, in_flight) = (self.answers.clone(), self.in_flight.clone());
        Self { answers, in_flight, ttl: self.ttl, shared: self.shared.clone() }
    }
}

impl<E> fmt::Debug for ResponseCache<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ResponseCache").field("in_flight", &self.in_flight.len()).finish_non_exhaustive()
    }
}
