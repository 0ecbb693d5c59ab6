//! Equal streams joined while they flow.
//!
//! A broadcast buffers every item, and each reader goes through the buffer at its own pace: a late one begins at
//! the beginning, and a slow one delays nobody. The readers poll the upstream; when the last of them leaves, it is
//! dropped. The buffer holds one answer's text, which its model bounds, or the last object where each replaces the one
//! before. It is freed with the readers.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::stream::{BoxStream, unfold};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use tracing::{Instrument as _, Span};

use crate::in_flight::{Entry, InFlight};
use crate::key::CallKey;
use crate::outcome::CacheOutcome;
use crate::shared_future::SharedFuture;

/// Joins streams of the same key; cloning it is cheap.
pub struct StreamJoin<I> {
    in_flight: Arc<InFlight<Weak<Broadcast<I>>>>,
    is_last: fn(&I) -> bool,
    replaces: fn(&I) -> bool,
}

/// One upstream with the items it has yielded so far.
struct Broadcast<I> {
    buffer: Mutex<Buffer<I>>,
    is_last: fn(&I) -> bool,
    replaces: fn(&I) -> bool,
    span: Span,
}

struct Buffer<I> {
    items: Vec<I>,
    /// How many items came before these, and are gone.
    gone: usize,
    upstream: Upstream,
    /// Keeps the broadcast registered until the upstream ends.
    entry: Option<Entry<Weak<Broadcast<I>>>>,
}

#[derive(Clone)]
enum Upstream {
    /// The future appends one item to the buffer and replaces itself by the next.
    Open(SharedFuture<()>),
    Ended,
    Panicked,
}

struct Reader<I> {
    broadcast: Arc<Broadcast<I>>,
    position: usize,
}

enum Next<I> {
    /// An item, and its place in the stream.
    Item(I, usize),
    /// The reader has read the whole buffer.
    Upstream(Upstream),
}

impl<I: Clone + Send + Sync + 'static> StreamJoin<I> {
    /// Joins streams whose last item, an answer or an error, satisfies `is_last`.
    ///
    /// From that item on nobody joins: a later caller gets a stream of its own.
    pub fn new(is_last: fn(&I) -> bool) -> Self {
        Self { in_flight: InFlight::new(), is_last, replaces: |_| false }
    }

    /// Keeps only the newest item where each says all that those before it said. A reader that is late or slow does not
    /// get the others.
    #[must_use]
    pub fn replacing(self, replaces: fn(&I) -> bool) -> Self {
        Self { replaces, ..self }
    }

    /// Returns the whole stream under `key`, from its beginning: one in flight, or the one that `open` opens when it
    /// is first polled.
    ///
    /// The outcome is [`CacheOutcome::Coalesced`] or [`CacheOutcome::Miss`]. If the stream panics, all its readers
    /// panic.
    pub fn join<S>(
        &self,
        key: CallKey,
        open: impl FnOnce() -> S + Send + 'static,
    ) -> (BoxStream<'static, I>, CacheOutcome)
    where
        S: Stream<Item = I> + Send + 'static,
    {
        let join = |broadcast: Option<&Weak<Broadcast<I>>>| {
            broadcast.and_then(Weak::upgrade).map(|broadcast| (broadcast, CacheOutcome::Coalesced))
        };
        let start = |entry| {
            let broadcast = Arc::new_cyclic(|broadcast: &Weak<Broadcast<I>>| {
                let upstream = async { open() }.into_stream().flatten().boxed();
                let upstream = Upstream::Open(Broadcast::read(broadcast.clone(), upstream));
                let buffer = Buffer { items: Vec::new(), gone: 0, upstream, entry: Some(entry) };
                let (is_last, replaces) = (self.is_last, self.replaces);
                Broadcast { buffer: Mutex::new(buffer), is_last, replaces, span: Span::current() }
            });
            (Arc::downgrade(&broadcast), (broadcast, CacheOutcome::Miss))
        };
        let (broadcast, outcome) = self.in_flight.join_or_start(key, join, start);
        (unfold(Reader { broadcast, position: 0 }, Reader::next).fuse().boxed(), outcome)
    }

    /// How many streams are in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }
}

impl<I: Clone + Send + Sync + 'static> Broadcast<I> {
    /// Reads one item from upstream. The future holds the broadcast weakly because the broadcast holds the future.
    fn read(broadcast: Weak<Self>, mut upstream: BoxStream<'static, I>) -> SharedFuture<()> {
        SharedFuture::new(async move {
            let Some(span) = broadcast.upgrade().map(|it| it.span.clone()) else { return };
            let next = AssertUnwindSafe(upstream.next().instrument(span)).catch_unwind().await;
            let Some(this) = broadcast.upgrade() else { return };
            let (item, upstream) = match next {
                Ok(Some(item)) if (this.is_last)(&item) => (Some(item), Upstream::Ended),
                Ok(Some(item)) => (Some(item), Upstream::Open(Self::read(broadcast, upstream))),
                Ok(None) => (None, Upstream::Ended),
                Err(_panic) => (None, Upstream::Panicked),
            };
            let mut buffer = this.lock();
            if item.as_ref().is_some_and(this.replaces) {
                buffer.gone += buffer.items.len();
                buffer.items.clear();
            }
            buffer.items.extend(item);
            buffer.upstream = upstream;
            let ended = !matches!(buffer.upstream, Upstream::Open(_));
            let entry = if ended { buffer.entry.take() } else { None };
            drop(buffer);
            // Dropping the entry locks the register, which must not happen under the buffer's lock.
            drop(entry);
        })
    }

    fn lock(&self) -> MutexGuard<'_, Buffer<I>> {
        // Nothing panics between two changes of the buffer, so a poisoned lock holds a consistent one.
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I: Clone + Send + Sync + 'static> Reader<I> {
    async fn next(mut self) -> Option<(I, Self)> {
        loop {
            match self.peek() {
                Next::Item(item, position) => {
                    self.position = position + 1;
                    return Some((item, self));
                }
                Next::Upstream(Upstream::Open(read)) => read.output().await,
                Next::Upstream(Upstream::Ended) => return None,
                // The panic hook has run already, so each reader only unwinds.
                Next::Upstream(Upstream::Panicked) => {
                    std::panic::resume_unwind(Box::new("the joined stream panicked"))
                }
            }
        }
    }

    fn peek(&self) -> Next<I> {
        let buffer = self.broadcast.lock();
        let position = self.position.max(buffer.gone);
        match buffer.items.get(position - buffer.gone) {
            Some(item) => Next::Item(item.clone(), position),
            None => Next::Upstream(buffer.upstream.clone()),
        }
    }
}

impl<I> Clone for StreamJoin<I> {
    fn clone(&self) -> Self {
        Self { in_flight: self.in_flight.clone(), ..*self }
    }
}

impl<I> fmt::Debug for StreamJoin<I> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StreamJoin").field("in_flight", &self.in_flight.len()).finish_non_exhaustive()
    }
}
