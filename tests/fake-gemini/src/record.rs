//! What happened: the requests in order, the counts, and how each request ended.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::life::{Clock, Ended, Life};
use crate::request::Request;

/// Counts over all requests so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests that arrived whole.
    pub received: usize,
    /// Requests being answered now.
    pub active: usize,
    /// The most that were ever being answered at once.
    pub peak: usize,
    /// Replies that went out whole.
    pub finished: usize,
    /// Replies the client did not wait for.
    pub dropped: usize,
}

/// The log of one server.
#[derive(Debug)]
pub(crate) struct Record {
    requests: Mutex<Vec<Request>>,
    stats: watch::Sender<Stats>,
    clock: Clock,
    keep: usize,
}

impl Record {
    /// To be called on the server's runtime, whose clock it takes.
    pub(crate) fn new(keep: usize) -> Self {
        let clock = Clock(Handle::current());
        Self { requests: Mutex::default(), stats: watch::Sender::default(), clock, keep }
    }

    /// A life that has begun, for the request that will hold it and the guard that will end it.
    pub(crate) fn begin(self: &Arc<Self>, since: Instant) -> (Life, Guard) {
        let sender = watch::Sender::new(None);
        let life = Life { ended: sender.subscribe(), clock: self.clock.clone() };
        (life, Guard { record: Arc::clone(self), sender, since })
    }

    /// Adds the request, giving it its index, and counts it.
    pub(crate) fn push(&self, mut request: Request) -> Request {
        let mut requests = self.requests();
        self.stats.send_modify(|stats| {
            request.index = stats.received;
            if request.index < self.keep {
                requests.push(request.clone());
            }
            stats.received += 1;
            stats.active += 1;
            stats.peak = stats.peak.max(stats.active);
        });
        request
    }

    pub(crate) fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap()
    }

    pub(crate) fn stats(&self) -> Stats {
        *self.stats.borrow()
    }

    pub(crate) async fn wait_until(
        &self,
        mut reached: impl FnMut(&Stats) -> bool,
        timeout: Duration,
    ) -> Result<Stats, Stats> {
        let mut stats = self.stats.subscribe();
        let seen = self.clock.within(timeout, stats.wait_for(|stats| reached(stats))).await;
        seen.and_then(Result::ok).map(|stats| *stats).ok_or_else(|| self.stats())
    }
}

/// Lives as long as the reply does. hyper drops the reply when the client's connection closes, even while
/// it is silent; a guard dropped before [`Guard::finish`] is a client that left.
#[derive(Debug)]
pub(crate) struct Guard {
    record: Arc<Record>,
    sender: watch::Sender<Option<Ended>>,
    since: Instant,
}

impl Guard {
    pub(crate) fn finish(&self) {
        self.end(Ended::Finished(self.since.elapsed()));
    }

    fn end(&self, end: Ended) {
        let first = self.sender.send_if_modified(|ended| {
            let first = ended.is_none();
            if first {
                *ended = Some(end);
            }
            first
        });
        if first {
            self.record.stats.send_modify(|stats| {
                stats.active -= 1;
                match end {
                    Ended::Finished(_) => stats.finished += 1,
                    Ended::Dropped(_) => stats.dropped += 1,
                }
            });
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end(Ended::Dropped(self.since.elapsed()));
    }
}
