//! Replicas over one store. The store here is a map in memory with a switch; the real one has tests of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flow_runtime::{
    CacheOutcome, CacheSettings, CallKey, CallScope, Claim, Lease, ResponseCache, SharedCache,
};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
/// How long a lease lasts without being renewed.
const LEASE: Duration = Duration::from_secs(3);

#[derive(Clone, Debug, Default)]
struct Store(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    entries: Mutex<HashMap<CallKey, Entry>>,
    down: AtomicBool,
    holders: AtomicU32,
}

#[derive(Clone, Debug)]
enum Entry {
    Cached(Arc<str>, Instant),
    Leased(Instant, u32),
}

#[derive(Debug)]
struct Held(Store, CallKey, u32);

#[async_trait]
impl SharedCache for Store {
    async fn claim(&self, key: &CallKey) -> Claim {
        if self.0.down.load(SeqCst) {
            return Claim::Unavailable;
        }
        let now = Instant::now();
        let mut entries = self.0.entries.lock().unwrap();
        match entries.get(key) {
            Some(Entry::Cached(answer, until)) if now < *until => {
                Claim::Cached { answer: answer.clone(), good_for: *until - now }
            }
            Some(Entry::Leased(until, holder)) if now < *until => {
                Claim::Theirs { holder: holder.to_string().into() }
            }
            _ => {
                let holder = self.0.holders.fetch_add(1, SeqCst);
                entries.insert(*key, Entry::Leased(now + LEASE, holder));
                Claim::Ours(Box::new(Held(self.clone(), *key, holder)))
            }
        }
    }
}

#[async_trait]
impl Lease for Held {
    fn renew_every(&self) -> Duration {
        LEASE / 3
    }

    async fn renew(&self) {
        self.0.0.entries.lock().unwrap().insert(self.1, Entry::Leased(Instant::now() + LEASE, self.2));
    }

    async fn fulfil(self: Box<Self>, answer: &Arc<str>) {
        let until = Instant::now() + 60 * SECOND;
        self.0.0.entries.lock().unwrap().insert(self.1, Entry::Cached(answer.clone(), until));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut entries = self.0.0.entries.lock().unwrap();
        if matches!(entries.get(&self.1), Some(Entry::Leased(..))) {
            entries.remove(&self.1);
        }
    }
}

type Replica = ResponseCache<&'static str>;

fn replicas<const N: usize>(store: &Store) -> [Replica; N] {
    let settings = CacheSettings { ttl: 60 * SECOND, ..CacheSettings::default() };
    std::array::from_fn(|_| ResponseCache::new(&settings).with_shared(Arc::new(store.clone())))
}

fn key() -> CallKey {
    CallScope::new("model", &()).unwrap().key("flow", "", &()).unwrap()
}

/// An answer that takes ten seconds, far longer than a lease, and is counted.
fn slow(counted: &Arc<AtomicUsize>) -> impl Future<Output = Result<Arc<str>, &'static str>> + Send + use<> {
    let counted = counted.clone();
    async move {
        counted.fetch_add(1, SeqCst);
        sleep(10 * SECOND).await;
        Ok("answer".into())
    }
}

#[tokio::test(start_paused = true)]
async fn many_callers_of_several_replicas_are_one_computation() {
    let (store, counted) = (Store::default(), Arc::default());
    let replicas = replicas::<3>(&store);
    let calls = replicas.iter().flat_map(|replica| {
        let counted = &counted;
        (0..20).map(move |_| async move { replica.get_or_compute(key(), slow(counted)).await.unwrap() })
    });
    let outcomes: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .map(|(answer, outcome)| {
            assert_eq!(&*answer, "answer");
            outcome
        })
        .collect();
    assert_eq!(counted.load(SeqCst), 1);
    let of = |wanted| outcomes.iter().filter(|it| **it == wanted).count();
    assert_eq!((of(CacheOutcome::Miss), of(CacheOutcome::Coalesced)), (1, 59));
}

#[tokio::test(start_paused = true)]
async fn what_another_replica_kept_is_a_hit_and_no_fresher_than_there() {
    let (store, counted) = (Store::default(), Arc::default());
    let [first, second] = replicas(&store);
    first.get_or_compute(key(), slow(&counted)).await.unwrap();
    sleep(50 * SECOND).await;
    let (_, outcome) = second.get_or_compute(key(), slow(&counted)).await.unwrap();
    assert_eq!(outcome, CacheOutcome::Hit);
    sleep(9 * SECOND).await;
    let (_, outcome) = second.get_or_compute(key(), slow(&counted)).await.unwrap();
    assert_eq!((outcome, counted.load(SeqCst)), (CacheOutcome::Hit, 1));
    sleep(2 * SECOND).await;
    let (_, outcome) = second.get_or_compute(key(), slow(&counted)).await.unwrap();
    assert_eq!((outcome, counted.load(SeqCst)), (CacheOutcome::Miss, 2), "its time is over everywhere");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_fails_or_is_left_hands_the_work_on() {
    let (store, counted) = (Store::default(), Arc::default());
    let [first, second] = replicas(&store);
    let failing = async {
        sleep(5 * SECOND).await;
        Err("no")
    };
    let (failed, (_, outcome)) = tokio::join!(first.get_or_compute(key(), failing), async {
        sleep(SECOND).await;
        second.get_or_compute(key(), slow(&counted)).await.unwrap()
    },);
    assert_eq!((failed.unwrap_err(), outcome), ("no", CacheOutcome::Miss));

    let key = CallScope::new("model", &()).unwrap().key("other", "", &()).unwrap();
    let left = tokio::time::timeout(5 * SECOND, first.get_or_compute(key, std::future::pending()));
    let begun = Instant::now();
    let (left, taken) = tokio::join!(left, async {
        sleep(SECOND).await;
        second.get_or_compute(key, slow(&counted)).await.unwrap()
    });
    assert!(left.is_err());
    assert_eq!(taken.1, CacheOutcome::Miss);
    assert!(begun.elapsed() < 16 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn replicas_do_not_stand_in_line_for_a_computation_that_fails() {
    let store = Store::default();
    let counted = Arc::<AtomicUsize>::default();
    let replicas = replicas::<5>(&store);
    let begun = Instant::now();
    let calls = replicas.iter().map(|replica| {
        let counted = counted.clone();
        replica.get_or_compute(key(), async move {
            counted.fetch_add(1, SeqCst);
            sleep(20 * SECOND).await;
            Err("no")
        })
    });
    assert!(join_all(calls).await.into_iter().all(|it| it.is_err()));
    assert_eq!(counted.load(SeqCst), 5);
    assert!(begun.elapsed() < 41 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_its_store_a_replica_goes_on_alone() {
    let (store, counted) = (Store::default(), Arc::<AtomicUsize>::default());
    let [first, second] = replicas(&store);
    let call = |replica: &Replica| {
        let (replica, counted) = (replica.clone(), counted.clone());
        async move { replica.get_or_compute(key(), slow(&counted)).await.unwrap().1 }
    };
    // The store goes while the second waits for the first.
    let (leading, waiting, ()) = tokio::join!(call(&first), call(&second), async {
        sleep(2 * SECOND).await;
        store.0.down.store(true, SeqCst);
    });
    assert_eq!((leading, waiting), (CacheOutcome::Miss, CacheOutcome::Miss));
    assert_eq!(counted.load(SeqCst), 2);
    assert_eq!(call(&second).await, CacheOutcome::Hit, "each has kept its own");
}
