//! Streams that say the same, joined into one, whoever comes late, reads slowly or leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use flow_runtime::{CacheOutcome, CallKey, CallScope, ModelError, StreamJoin};
use futures_util::future::join_all;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::task::yield_now;

/// A chunk by its number; the last is a full stop.
type Item = Result<String, ModelError>;

const CHUNKS: usize = 20;
const TICK: Duration = Duration::from_millis(10);

fn is_last(item: &Item) -> bool {
    item.as_ref().is_ok_and(|it| it == ".") || item.is_err()
}

fn key(name: u32) -> CallKey {
    CallScope::new("model", &()).unwrap().key("flow", "", &name).unwrap()
}

/// Makes streams and counts how many there were and are.
#[derive(Clone, Default)]
struct Upstream {
    opened: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Upstream {
    /// A chunk each `pause`, then the end.
    fn stream(&self, pause: Duration, end: Item) -> BoxStream<'static, Item> {
        self.opened.fetch_add(1, SeqCst);
        self.open.fetch_add(1, SeqCst);
        let open = Open(self.open.clone());
        let chunks = (0..CHUNKS).map(|it| Ok(format!("{it} "))).chain([end]);
        let paced = stream::iter(chunks).then(move |item| {
            let _ = &open;
            async move {
                if pause.is_zero() {
                    yield_now().await;
                } else {
                    tokio::time::sleep(pause).await;
                }
                item
            }
        });
        paced.boxed()
    }

    fn counts(&self) -> (usize, usize) {
        (self.opened.load(SeqCst), self.open.load(SeqCst))
    }
}

fn whole() -> Vec<Item> {
    (0..CHUNKS).map(|it| Ok(format!("{it} "))).chain([Ok(".".into())]).collect()
}

fn join(
    joined: &StreamJoin<Item>,
    upstream: &Upstream,
    name: u32,
) -> (BoxStream<'static, Item>, CacheOutcome) {
    let upstream = upstream.clone();
    joined.join(key(name), move || upstream.stream(TICK, Ok(".".into())))
}

#[tokio::test(start_paused = true)]
async fn twenty_equal_streams_are_one_and_late_comers_miss_nothing() {
    let (joined, upstream) = (StreamJoin::new(is_last), Upstream::default());
    let readers = (0..20).map(|at| {
        let (joined, upstream) = (joined.clone(), upstream.clone());
        tokio::spawn(async move {
            tokio::time::sleep(TICK * at).await;
            let (stream, outcome) = join(&joined, &upstream, 1);
            (stream.collect::<Vec<_>>().await, outcome)
        })
    });
    let (mut missed, mut coalesced) = (0, 0);
    for reader in join_all(readers).await {
        let (items, outcome) = reader.unwrap();
        assert_eq!(items, whole());
        if outcome == CacheOutcome::Miss { missed += 1 } else { coalesced += 1 }
    }
    assert_eq!((missed, coalesced), (1, 19));
    assert_eq!((upstream.counts(), joined.in_flight()), ((1, 0), 0));
    let (stream, outcome) = join(&joined, &upstream, 1);
    assert_eq!((stream.count().await, outcome, upstream.counts().0), (21, CacheOutcome::Miss, 2));
}

#[tokio::test(start_paused = true)]
async fn others_have_streams_of_their_own() {
    let (joined, upstream) = (StreamJoin::new(is_last), Upstream::default());
    let streams = [1, 2, 3].map(|name| join(&joined, &upstream, name).0.collect::<Vec<_>>());
    assert_eq!(join_all(streams).await, vec![whole(); 3]);
    assert_eq!(upstream.counts(), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_holds_up_nobody_and_still_gets_everything() {
    let (joined, upstream) = (StreamJoin::new(is_last), Upstream::default());
    let (mut slow, _) = join(&joined, &upstream, 1);
    let (quick, _) = join(&joined, &upstream, 1);
    assert_eq!(slow.next().await.unwrap().unwrap(), "0 ");
    // The slow one is in the middle of a step when it stops reading.
    assert!(slow.next().now_or_never().is_none());
    let quick = tokio::time::timeout(TICK * 22, quick.collect::<Vec<_>>()).await.expect("it was held up");
    assert_eq!(quick, whole());
    assert_eq!((upstream.counts(), joined.in_flight()), ((1, 0), 0), "upstream is done with");
    assert_eq!(slow.collect::<Vec<_>>().await, whole()[1..]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_opened_before_it_is_read_and_the_last_reader_ends_it() {
    let (joined, upstream) = (StreamJoin::new(is_last), Upstream::default());
    let (mut first, _) = join(&joined, &upstream, 1);
    assert_eq!((upstream.counts(), joined.in_flight()), ((0, 0), 1));
    first.next().await.unwrap().unwrap();
    let (mut second, outcome) = join(&joined, &upstream, 1);
    assert_eq!(outcome, CacheOutcome::Coalesced);
    drop(first);
    assert_eq!(upstream.counts(), (1, 1));
    second.next().await.unwrap().unwrap();
    drop(second);
    assert_eq!((upstream.counts(), joined.in_flight()), ((1, 0), 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_a_stream_that_has_failed_or_ended() {
    let (joined, upstream) = (StreamJoin::<Item>::new(is_last), Upstream::default());
    for end in [Err(ModelError::Timeout), Ok(".".to_owned())] {
        let open = |upstream: &Upstream| {
            let (upstream, end) = (upstream.clone(), end.clone());
            move || upstream.stream(TICK, end)
        };
        let (mut first, _) = joined.join(key(1), open(&upstream));
        let (mut lagging, _) = joined.join(key(1), open(&upstream));
        for _ in 0..=CHUNKS {
            first.next().await.unwrap().ok();
        }
        // Both are still there; neither has asked for what comes after the end.
        let (next, outcome) = joined.join(key(1), open(&upstream));
        assert_eq!(outcome, CacheOutcome::Miss);
        assert_eq!(next.collect::<Vec<_>>().await.pop(), Some(end.clone()));
        assert_eq!(lagging.by_ref().collect::<Vec<_>>().await.pop(), Some(end.clone()));
        assert!(first.next().await.is_none() && lagging.next().await.is_none());
    }
    assert_eq!((upstream.counts(), joined.in_flight()), ((4, 0), 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_every_readers_and_poisons_nothing() {
    let joined = StreamJoin::<Item>::new(is_last);
    let readers = (0..3).map(|_| {
        let broken =
            || stream::iter(0..5).then(async |it| if it < 3 { Ok("x".into()) } else { panic!("a defect") });
        let (stream, _) = joined.join(key(1), move || broken().boxed());
        tokio::spawn(stream.collect::<Vec<_>>())
    });
    for reader in join_all(readers).await {
        assert!(reader.unwrap_err().is_panic());
    }
    let upstream = Upstream::default();
    assert_eq!(join(&joined, &upstream, 1).0.collect::<Vec<_>>().await, whole());
}

#[tokio::test(start_paused = true)]
async fn readers_that_leave_at_random_take_nothing_from_the_others() {
    let (mut stayed, mut left) = (0, 0);
    for seed in 0..500 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (joined, upstream) = (StreamJoin::new(is_last), Upstream::default());
        let readers: Vec<_> = (0..random.usize(2..16))
            .map(|_| {
                let (joined, upstream) = (joined.clone(), upstream.clone());
                let arrives = Duration::from_millis(random.u64(0..250));
                let leaves_after = random.bool().then(|| Duration::from_millis(random.u64(0..300)));
                let pause = Duration::from_millis(random.u64(0..30));
                let name = random.u32(0..2);
                tokio::spawn(async move {
                    tokio::time::sleep(arrives).await;
                    let paced = join(&joined, &upstream, name).0.then(|item| async move {
                        tokio::time::sleep(pause).await;
                        item
                    });
                    let reading = paced.collect::<Vec<_>>();
                    match leaves_after {
                        Some(leaves_after) => tokio::time::timeout(leaves_after, reading).await.ok(),
                        None => Some(reading.await),
                    }
                })
            })
            .collect();
        let all = tokio::time::timeout(Duration::from_mins(1), join_all(readers)).await;
        for reader in all.expect("a reader was forgotten") {
            match reader.unwrap() {
                Some(items) => {
                    assert_eq!(items, whole(), "seed {seed}");
                    stayed += 1;
                }
                None => left += 1,
            }
        }
        assert_eq!((upstream.counts().1, joined.in_flight()), (0, 0), "seed {seed}");
    }
    println!("{stayed} stayed, {left} left");
    assert!(stayed > 2000 && left > 1000, "{stayed} stayed, {left} left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_on_other_threads_may_be_killed_anywhere() {
    let (joined, upstream) = (StreamJoin::new(is_last), Upstream::default());
    let mut random = fastrand::Rng::with_seed(11);
    for round in 0..500 {
        let readers: Vec<_> = (0..6)
            .map(|_| {
                let (joined, upstream) = (joined.clone(), upstream.clone());
                tokio::spawn(async move {
                    let open = move || upstream.stream(Duration::ZERO, Ok(".".into()));
                    joined.join(key(round), open).0.collect::<Vec<_>>().await
                })
            })
            .collect();
        let stays = random.usize(..readers.len());
        for (at, reader) in readers.into_iter().enumerate() {
            if at == stays {
                let items = tokio::time::timeout(Duration::from_secs(10), reader).await;
                assert_eq!(items.expect("a reader was forgotten").unwrap(), whole());
            } else {
                reader.abort();
                drop(reader.await);
            }
        }
    }
    assert_eq!((upstream.counts().1, joined.in_flight()), (0, 0));
}

#[tokio::test]
async fn where_each_item_replaces_those_before_a_late_reader_gets_the_newest_and_all_that_follow() {
    let joined = StreamJoin::new(is_last).replacing(|item| item.as_ref().is_ok_and(|it| it != "."));
    let upstream = Upstream::default();
    let open = |upstream: Upstream| move || upstream.stream(Duration::ZERO, Ok(".".into()));
    let (mut first, _) = joined.join(key(1), open(upstream.clone()));
    for nth in 0..5 {
        assert_eq!(first.next().await, Some(Ok(format!("{nth} "))));
    }
    let (late, outcome) = joined.join(key(1), open(upstream.clone()));
    assert_eq!(outcome, CacheOutcome::Coalesced);
    let late: Vec<_> = late.map(Result::unwrap).collect().await;
    assert_eq!(late.len(), CHUNKS - 4 + 1, "{late:?}");
    assert_eq!((&*late[0], &**late.last().unwrap()), ("4 ", "."));
    // While the late one read, only the newest item and the end were kept for the first.
    let rest: Vec<_> = first.map(Result::unwrap).collect().await;
    assert_eq!(rest, [format!("{} ", CHUNKS - 1), ".".to_owned()]);
    assert_eq!(upstream.opened.load(SeqCst), 1);
}
