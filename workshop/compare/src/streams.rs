//! Streams at the model's pace: how long each chunk is on its way, and what an open stream costs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use http_body_util::BodyExt;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::call::{Call, Connection};
use crate::load::histogram;
use crate::model::{now_us, sent_at_us};

/// The slowest pace is a chunk a second.
const SILENCE: Duration = Duration::from_secs(20);

/// Streams that are open, or to be opened.
#[derive(Debug)]
pub struct Streams {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    counts: AtomicBool,
    /// Streams whose first chunk has come.
    open: AtomicUsize,
    seen: Mutex<Seen>,
}

/// What was seen of the chunks while they counted.
#[derive(Debug)]
pub struct Seen {
    /// From the model's write to the client's read, in microseconds.
    pub delay: Histogram<u64>,
    /// From the call to its first chunk less the model's own time, in microseconds.
    pub first: Histogram<u64>,
    pub failures: Vec<String>,
}

impl Streams {
    /// Opens so many, a few at a time; each ends and begins again if `again`.
    pub fn open(address: SocketAddr, call: &Call, streams: usize, every: Duration, again: bool) -> Self {
        let seen = Seen { delay: histogram(), first: histogram(), failures: Vec::new() };
        let shared = Arc::new(Shared {
            counts: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            seen: Mutex::new(seen),
        });
        let mut clients = JoinSet::new();
        for nth in 0..streams {
            let (shared, call) = (shared.clone(), call.clone());
            clients.spawn(async move {
                sleep(every * u32::try_from(nth).unwrap_or(u32::MAX)).await;
                loop {
                    if let Err(error) = shared.follow(address, &call, nth).await {
                        let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
                        seen.failures.push(format!("{error:#}"));
                        return;
                    }
                    if !again {
                        return;
                    }
                }
            });
        }
        Self { shared, clients }
    }

    /// How many have had a chunk.
    pub fn begun(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    pub fn count(&self, whether: bool) {
        self.shared.counts.store(whether, Ordering::Relaxed);
    }

    /// Leaves them all.
    pub async fn end(mut self) -> Seen {
        self.clients.shutdown().await;
        let fresh = Seen { delay: histogram(), first: histogram(), failures: Vec::new() };
        std::mem::replace(&mut *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner), fresh)
    }
}

impl Shared {
    async fn follow(&self, address: SocketAddr, call: &Call, nth: usize) -> anyhow::Result<()> {
        let mut connection = Connection::open(address, false, nth).await?;
        let begun = now_us();
        let response = timeout(SILENCE, connection.send(call)).await??;
        anyhow::ensure!(response.status().as_u16() == 200, "status {}", response.status());
        let mut body = response.into_body();
        let mut first = true;
        while let Some(frame) = timeout(SILENCE, body.frame()).await? {
            let Ok(data) = frame?.into_data() else { continue };
            let now = now_us();
            let Some(sent) = sent_at_us(&data) else { continue };
            if first {
                self.open.fetch_add(1, Ordering::Relaxed);
            }
            if self.counts.load(Ordering::Relaxed) {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.delay.saturating_record(now.saturating_sub(sent));
                if first {
                    seen.first.saturating_record(now.saturating_sub(begun));
                }
            }
            first = false;
        }
        anyhow::ensure!(!first, "a stream without a chunk");
        Ok(())
    }
}
