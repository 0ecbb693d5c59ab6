//! The load: a fixed number of clients one call after the other, or calls at a fixed rate.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::call::{Answer, Call, Connection, DEADLINE};

// Before these, answers warm the server up.
const COUNTING: u8 = 1;
const OVER: u8 = 2;

/// What came of a load.
#[derive(Debug)]
pub struct Tally {
    /// Right answers.
    pub answered: u64,
    /// How long they took, in microseconds.
    pub took: Histogram<u64>,
    /// Others, by reason.
    pub failures: BTreeMap<String, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { answered: 0, took: histogram(), failures: BTreeMap::new() }
    }
}

/// From a microsecond to a minute, to a thousandth of the value.
pub fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the bounds are in order, and 1 to 5 digits are allowed")]
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds")
}

impl Tally {
    pub fn count(&mut self, took: Duration) {
        self.answered += 1;
        self.took.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn fail(&mut self, why: String) {
        *self.failures.entry(why).or_default() += 1;
    }
}

/// Clients that are loading a server.
#[derive(Debug)]
pub struct Load {
    phase: Arc<AtomicU8>,
    tally: Arc<StdMutex<Tally>>,
    clients: JoinSet<()>,
}

impl Load {
    fn new() -> Self {
        Self { phase: Arc::default(), tally: Arc::default(), clients: JoinSet::new() }
    }

    /// Each client sends its next call as soon as it has the answer of the last.
    pub fn closed(address: SocketAddr, call: &Call, expected: &Answer, clients: usize) -> Self {
        let mut load = Self::new();
        for nth in 0..clients {
            let mut client = load.client(address, call, expected, nth);
            load.clients.spawn(async move {
                while client.phase.load(Ordering::Relaxed) != OVER {
                    let begun = Instant::now();
                    client.once(begun).await;
                }
            });
        }
        load
    }

    /// A call is due each `1 / rate` seconds, and its time counts from then on, even while no client is free to send
    /// it: what a server delays is not left out (coordinated omission).
    pub fn open(address: SocketAddr, call: &Call, expected: &Answer, clients: usize, rate: f64) -> Self {
        let mut load = Self::new();
        // What a server does not keep up with waits here, for the second or two that a rate is measured.
        let (due, calls) = mpsc::unbounded_channel::<Instant>();
        let calls = Arc::new(Mutex::new(calls));
        for nth in 0..clients {
            let mut client = load.client(address, call, expected, nth);
            let calls = calls.clone();
            load.clients.spawn(async move {
                loop {
                    let next = calls.lock().await.recv().await;
                    let Some(due) = next else { return };
                    if client.phase.load(Ordering::Relaxed) == OVER {
                        return;
                    }
                    client.once(due).await;
                }
            });
        }
        let phase = load.phase.clone();
        // The runtime's timers are good to a millisecond, a thread's sleep to a twentieth of that.
        std::thread::spawn(move || {
            let begun = Instant::now();
            let mut sent = 0_u32;
            while phase.load(Ordering::Relaxed) != OVER {
                let next = begun + Duration::from_secs_f64(f64::from(sent) / rate);
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
                if due.send(next).is_err() {
                    return;
                }
                sent += 1;
            }
        });
        load
    }

    fn client(&self, address: SocketAddr, call: &Call, expected: &Answer, nth: usize) -> Client {
        Client {
            address,
            call: call.clone(),
            expected: expected.clone(),
            nth,
            connection: None,
            phase: self.phase.clone(),
            tally: self.tally.clone(),
        }
    }

    /// From now on answers count.
    pub fn count(&self) {
        self.phase.store(COUNTING, Ordering::Relaxed);
    }

    /// From now on they do not, and no call is sent.
    pub fn stop(&self) {
        self.phase.store(OVER, Ordering::Relaxed);
    }

    /// Waits for the last answers.
    pub async fn end(mut self) -> Tally {
        self.stop();
        let last = async { while self.clients.join_next().await.is_some() {} };
        // Each call has its deadline; a client that waits for a call that is not due any more has none.
        let _ = tokio::time::timeout(DEADLINE, last).await;
        std::mem::take(&mut *self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Client {
    address: SocketAddr,
    call: Call,
    expected: Answer,
    nth: usize,
    connection: Option<Connection>,
    phase: Arc<AtomicU8>,
    tally: Arc<StdMutex<Tally>>,
}

impl Client {
    async fn once(&mut self, since: Instant) {
        let asked = self.ask().await;
        let counts = self.phase.load(Ordering::Relaxed) == COUNTING;
        let why = match asked {
            Ok(answer) => answer.differs(&self.expected),
            Err(error) => Some(format!("{error:#}")),
        };
        if why.is_some() {
            self.connection = None;
        }
        if counts || why.is_some() {
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            match why {
                None => tally.count(since.elapsed()),
                Some(why) => tally.fail(why),
            }
        }
    }

    async fn ask(&mut self) -> anyhow::Result<Answer> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(self.address, self.call.grpc, self.nth).await?),
        };
        let answer = connection.ask(&self.call).await?;
        if self.call.closes {
            self.connection = None;
        }
        Ok(answer)
    }
}

/// One after the other on one connection, for counts of instructions.
pub async fn exactly(
    address: SocketAddr,
    call: &Call,
    expected: &Answer,
    calls: usize,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(address, call.grpc, 0).await?;
    for _ in 0..calls {
        let answer = connection.ask(call).await?;
        if let Some(why) = answer.differs(expected) {
            anyhow::bail!(why);
        }
    }
    Ok(())
}
