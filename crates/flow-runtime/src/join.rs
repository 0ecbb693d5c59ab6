//! Streams that say the same, joined into one while they flow.
//!
//! What has been said is written down once and read by each reader at its own pace: one that comes late begins at
//! the beginning, one that is slow holds up nobody. The readers drive the stream, whichever of them asks for more;
//! when the last of them leaves, it is dropped. What is written down is one answer's text, which its model bounds,
//! and it goes with the readers.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::stream::{BoxStream, unfold};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use tracing::{Instrument as _, Span};

use crate::cache::CacheOutcome;
use crate::driven::Driven;
use crate::flights::{Flights, Landing};
use crate::key::CallKey;

/// Joins streams of the same key. Cloning it is cheap.
pub struct StreamJoin<I> {
    flights: Arc<Flights<Weak<Script<I>>>>,
    is_last: fn(&I) -> bool,
}

/// One stream that is under way, and what it has said so far.
struct Script<I> {
    lines: Mutex<Lines<I>>,
    is_last: fn(&I) -> bool,
    span: Span,
}

struct Lines<I> {
    said: Vec<I>,
    rest: Rest,
    /// In the register for as long as there is more to come.
    landing: Option<Landing<Weak<Script<I>>>>,
}

/// What is still to come.
#[derive(Clone)]
enum Rest {
    /// More: this adds one item and puts its own successor in its place.
    More(Driven<()>),
    Nothing,
    Panic,
}

struct Reader<I> {
    script: Arc<Script<I>>,
    read: usize,
}

enum Look<I> {
    Item(I),
    Beyond(Rest),
}

impl<I: Clone + Send + Sync + 'static> StreamJoin<I> {
    /// Joins streams that end with the item of which `is_last` is true, be it an answer or an error.
    ///
    /// From that item on nobody joins any more: who comes later gets a stream of its own.
    pub fn new(is_last: fn(&I) -> bool) -> Self {
        Self { flights: Flights::new(), is_last }
    }

    /// The whole stream under `key`, from its beginning: one under way, or the one that `open` opens when it is
    /// first polled.
    ///
    /// [`CacheOutcome::Coalesced`] if it was under way, else [`CacheOutcome::Miss`]. If the stream panics, all its
    /// readers do.
    pub fn join<S>(
        &self,
        key: CallKey,
        open: impl FnOnce() -> S + Send + 'static,
    ) -> (BoxStream<'static, I>, CacheOutcome)
    where
        S: Stream<Item = I> + Send + 'static,
    {
        let join = |flight: Option<&Weak<Script<I>>>| {
            flight.and_then(Weak::upgrade).map(|script| (script, CacheOutcome::Coalesced))
        };
        let start = |landing| {
            let script = Arc::new_cyclic(|script: &Weak<Script<I>>| {
                let upstream = async { open() }.into_stream().flatten().boxed();
                let rest = Rest::More(Script::more(script.clone(), upstream));
                let lines = Lines { said: Vec::new(), rest, landing: Some(landing) };
                Script { lines: Mutex::new(lines), is_last: self.is_last, span: Span::current() }
            });
            (Arc::downgrade(&script), (script, CacheOutcome::Miss))
        };
        let (script, outcome) = self.flights.board(key, join, start);
        (unfold(Reader { script, read: 0 }, Reader::next).fuse().boxed(), outcome)
    }

    /// How many streams are under way.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }
}

impl<I: Clone + Send + Sync + 'static> Script<I> {
    /// Takes one item from upstream. It holds the script weakly: the script holds it.
    fn more(script: Weak<Self>, mut upstream: BoxStream<'static, I>) -> Driven<()> {
        let step = async move {
            let Some(span) = script.upgrade().map(|it| it.span.clone()) else { return };
            let next = AssertUnwindSafe(upstream.next().instrument(span)).catch_unwind().await;
            let Some(this) = script.upgrade() else { return };
            let (said, rest) = match next {
                Ok(Some(item)) if (this.is_last)(&item) => (Some(item), Rest::Nothing),
                Ok(Some(item)) => (Some(item), Rest::More(Self::more(script, upstream))),
                Ok(None) => (None, Rest::Nothing),
                Err(_panic) => (None, Rest::Panic),
            };
            let mut lines = this.lock();
            lines.said.extend(said);
            lines.rest = rest;
            let over = !matches!(lines.rest, Rest::More(_));
            let landing = if over { lines.landing.take() } else { None };
            drop(lines);
            // The register has a lock of its own, which is never taken inside this one.
            drop(landing);
        };
        Driven::new(step)
    }

    fn lock(&self) -> MutexGuard<'_, Lines<I>> {
        // Nothing under the lock leaves the lines half written.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I: Clone + Send + Sync + 'static> Reader<I> {
    async fn next(mut self) -> Option<(I, Self)> {
        loop {
            match self.look() {
                Look::Item(item) => {
                    self.read += 1;
                    return Some((item, self));
                }
                Look::Beyond(Rest::More(more)) => more.outcome().await,
                Look::Beyond(Rest::Nothing) => return None,
                // The hook has reported the panic; whoever guards each reader gets it as if it were its own.
                Look::Beyond(Rest::Panic) => {
                    std::panic::resume_unwind(Box::new("the joined stream panicked"))
                }
            }
        }
    }

    fn look(&self) -> Look<I> {
        let lines = self.script.lock();
        match lines.said.get(self.read) {
            Some(item) => Look::Item(item.clone()),
            None => Look::Beyond(lines.rest.clone()),
        }
    }
}

impl<I> Clone for StreamJoin<I> {
    fn clone(&self) -> Self {
        Self { flights: self.flights.clone(), is_last: self.is_last }
    }
}

impl<I> fmt::Debug for StreamJoin<I> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StreamJoin").field("in_flight", &self.flights.len()).finish_non_exhaustive()
    }
}
