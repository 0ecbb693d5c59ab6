//! Answers kept and computations shared, whoever leaves and whenever.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use flow_runtime::{CacheOutcome, CacheSettings, CallKey, CallScope, ModelError, ResponseCache};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::yield_now;

type Cache = ResponseCache<ModelError>;
type Answer = Result<Arc<str>, ModelError>;

const SECOND: Duration = Duration::from_secs(1);

fn cache() -> Cache {
    ResponseCache::new(&CacheSettings::default())
}

fn key(input: impl Into<Value>) -> CallKey {
    CallScope::new("model", &()).unwrap().key("flow", "", &input.into()).unwrap()
}

/// Counts the computations begun and those under way.
#[derive(Clone, Default)]
struct Meter {
    begun: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Meter {
    async fn run<T>(self, work: impl Future<Output = T>) -> T {
        self.begun.fetch_add(1, SeqCst);
        self.running.fetch_add(1, SeqCst);
        let _running = Running(self.running.clone());
        work.await
    }

    fn counts(&self) -> (usize, usize) {
        (self.begun.load(SeqCst), self.running.load(SeqCst))
    }
}

async fn in_a_second(answer: &'static str) -> Answer {
    tokio::time::sleep(SECOND).await;
    Ok(answer.into())
}

#[tokio::test(start_paused = true)]
async fn two_hundred_equal_calls_at_once_are_one_computation() {
    let (cache, meter) = (cache(), Meter::default());
    let calls = (0..200).map(|_| {
        let (cache, meter) = (cache.clone(), meter.clone());
        tokio::spawn(async move { cache.get_or_compute(key("x"), meter.run(in_a_second("answer"))).await })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(|it| it.unwrap().unwrap()).collect();
    assert!(answers.iter().all(|(answer, _)| &**answer == "answer"));
    let count = |wanted| answers.iter().filter(|(_, outcome)| *outcome == wanted).count();
    assert_eq!((count(CacheOutcome::Miss), count(CacheOutcome::Coalesced)), (1, 199));
    assert_eq!((meter.counts(), cache.in_flight(), cache.entries()), ((1, 0), 0, 1));
    let again = cache.get_or_compute(key("x"), meter.clone().run(in_a_second("other"))).await.unwrap();
    assert_eq!((&*again.0, again.1, meter.counts().0), ("answer", CacheOutcome::Hit, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_share_computations_too() {
    let (cache, meter) = (cache(), Meter::default());
    for round in 0..200 {
        let calls = (0..32).map(|_| {
            let (cache, meter) = (cache.clone(), meter.clone());
            let work = meter.run(async move {
                yield_now().await;
                Ok(round.to_string().into())
            });
            tokio::spawn(async move { cache.get_or_compute(key(round), work).await })
        });
        for answer in join_all(calls).await {
            assert_eq!(*answer.unwrap().unwrap().0, *round.to_string());
        }
    }
    assert_eq!((meter.counts(), cache.in_flight()), ((200, 0), 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_good_for_its_time() {
    let cache = cache();
    let ask = |answer| cache.get_or_compute(key("x"), async move { Ok(Arc::from(answer)) });
    assert_eq!(ask("old").await.unwrap().1, CacheOutcome::Miss);
    tokio::time::advance(Duration::from_millis(299_999)).await;
    assert_eq!(ask("new").await.unwrap(), ("old".into(), CacheOutcome::Hit));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(ask("new").await.unwrap(), ("new".into(), CacheOutcome::Miss));
    assert_eq!(ask("newer").await.unwrap(), ("new".into(), CacheOutcome::Hit));
}

#[tokio::test]
async fn only_so_many_answers_are_kept_and_the_stalest_goes_first() {
    let cache = Cache::new(&CacheSettings { max_entries: 100, ..CacheSettings::default() });
    let ask = async |name: usize| cache.get_or_compute(key(name), async { Ok("".into()) }).await.unwrap().1;
    for name in 0..100 {
        ask(name).await;
    }
    assert_eq!(cache.entries(), 100);
    assert_eq!(ask(0).await, CacheOutcome::Hit);
    for name in 100..5000 {
        ask(name).await;
        assert_eq!(ask(0).await, CacheOutcome::Hit);
        if name % 100 == 0 {
            assert!(cache.entries() <= 100);
        }
    }
    assert_eq!(cache.entries(), 100);
    assert_eq!(ask(1).await, CacheOutcome::Miss);
}

#[tokio::test]
async fn an_answer_too_long_to_keep_is_still_given() {
    let cache = cache();
    let long: Arc<str> = "x".repeat(256 * 1024 + 1).into();
    for _ in 0..2 {
        let work = std::future::ready(Ok(long.clone()));
        assert_eq!(cache.get_or_compute(key("x"), work).await.unwrap(), (long.clone(), CacheOutcome::Miss));
    }
    assert_eq!(cache.entries(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_for_those_who_wait_and_not_kept() {
    let (cache, meter) = (cache(), Meter::default());
    let fail = || async {
        tokio::time::sleep(SECOND).await;
        Err(ModelError::Timeout)
    };
    let calls = (0..10).map(|_| cache.get_or_compute(key("x"), meter.clone().run(fail())));
    assert!(join_all(calls).await.into_iter().all(|it| it == Err(ModelError::Timeout)));
    assert_eq!((meter.counts(), cache.in_flight(), cache.entries()), ((1, 0), 0, 0));
    let after = cache.get_or_compute(key("x"), in_a_second("answer")).await.unwrap();
    assert_eq!(after, ("answer".into(), CacheOutcome::Miss));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_everybodys_and_poisons_nothing() {
    let cache = cache();
    let fail = || async {
        tokio::time::sleep(SECOND).await;
        panic!("a defect")
    };
    let calls = (0..5).map(|_| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.get_or_compute(key("x"), fail()).await })
    });
    for outcome in join_all(calls).await {
        assert!(outcome.unwrap_err().is_panic());
    }
    assert_eq!(cache.in_flight(), 0);
    assert_eq!(&*cache.get_or_compute(key("x"), in_a_second("answer")).await.unwrap().0, "answer");
}

#[tokio::test(start_paused = true)]
async fn the_first_caller_may_leave_and_the_last_one_ends_the_work() {
    let (cache, meter) = (cache(), Meter::default());
    let ask = || Box::pin(cache.get_or_compute(key("x"), meter.clone().run(in_a_second("answer"))));
    let (mut first, mut second) = (ask(), ask());
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    assert_eq!(second.await.unwrap(), ("answer".into(), CacheOutcome::Coalesced));
    assert_eq!(meter.counts(), (1, 0));

    let ask = || Box::pin(cache.get_or_compute(key("y"), meter.clone().run(pending())));
    let (mut first, mut second) = (ask(), ask());
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    assert_eq!((meter.counts(), cache.in_flight()), ((2, 1), 1));
    drop(first);
    assert_eq!((meter.counts(), cache.in_flight()), ((2, 1), 1));
    drop(second);
    assert_eq!((meter.counts(), cache.in_flight()), ((2, 0), 0));
}

/// Waiters that come and go at random, over few keys, with computations that take their time or fail.
#[tokio::test(start_paused = true)]
async fn whoever_leaves_and_whenever_no_answer_is_lost_and_nothing_leaks() {
    let (mut stayed, mut left) = (0, 0);
    for seed in 0..2000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (cache, meter) = (cache(), Meter::default());
        let callers = (0..random.usize(2..24)).map(|_| {
            let name = random.u8(0..3);
            let arrives = Duration::from_millis(random.u64(0..40));
            let leaves_after = random.bool().then(|| Duration::from_millis(random.u64(0..20)));
            let (takes, fails) = (Duration::from_millis(random.u64(0..50)), random.u8(0..4) == 0);
            let (cache, meter) = (cache.clone(), meter.clone());
            tokio::spawn(async move {
                tokio::time::sleep(arrives).await;
                let work = meter.run(async move {
                    tokio::time::sleep(takes).await;
                    if fails { Err(ModelError::Timeout) } else { Ok(name.to_string().into()) }
                });
                let call = cache.get_or_compute(key(name), work);
                let outcome = match leaves_after {
                    Some(leaves_after) => tokio::time::timeout(leaves_after, call).await.ok()?,
                    None => call.await,
                };
                Some((name, outcome))
            })
        });
        let callers: Vec<_> = callers.collect();
        // Nothing takes longer than this; a lost wakeup would wait for ever.
        let all = tokio::time::timeout(SECOND, join_all(callers)).await.expect("an answer was lost");
        for outcome in all {
            match outcome.unwrap() {
                Some((name, Ok((answer, _)))) => assert_eq!(*answer, *name.to_string(), "seed {seed}"),
                Some((_, Err(error))) => assert_eq!(error, ModelError::Timeout),
                None => {
                    left += 1;
                    continue;
                }
            }
            stayed += 1;
        }
        assert_eq!((meter.counts().1, cache.in_flight()), (0, 0), "seed {seed}");
    }
    println!("{stayed} stayed, {left} left");
    assert!(stayed > 10_000 && left > 5_000, "{stayed} stayed, {left} left");
}

/// The same with threads and tasks killed anywhere: no order of events is spared.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_killed_on_other_threads_leak_nothing() {
    let (cache, meter) = (cache(), Meter::default());
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..2000 {
        let gate = Arc::new(Notify::new());
        let callers: Vec<_> = (0..6)
            .map(|_| {
                let (cache, meter, gate) = (cache.clone(), meter.clone(), gate.clone());
                let work = meter.run(async move {
                    gate.notified().await;
                    Ok("answer".into())
                });
                tokio::spawn(async move { cache.get_or_compute(key(round), work).await })
            })
            .collect();
        let stays = random.usize(..callers.len());
        for (at, caller) in callers.iter().enumerate() {
            if at != stays {
                caller.abort();
            }
            if random.bool() {
                yield_now().await;
            }
        }
        gate.notify_one();
        for (at, caller) in callers.into_iter().enumerate() {
            let outcome = tokio::time::timeout(10 * SECOND, caller).await.expect("an answer was lost");
            if at == stays {
                assert_eq!(&*outcome.unwrap().unwrap().0, "answer");
            }
        }
    }
    assert_eq!((meter.counts().1, cache.in_flight()), (0, 0));
}

#[test]
fn keys_tell_calls_apart_and_nothing_else() {
    let key = |flow, model, tenant: &str, input: Value| {
        CallScope::new(model, &()).unwrap().key(flow, tenant, &input).unwrap()
    };
    let input = json!({"b": [1, {"y": null, "x": "é"}], "a": true});
    let base = key("flow", "model", "tenant", input.clone());
    assert_eq!(base, key("flow", "model", "tenant", input.clone()));
    let others = [
        key("flo", "wmodel", "tenant", input.clone()),
        key("flow", "model", "", input.clone()),
        key("flow", "modeltenant", "", input),
        key("flow", "model", "tenant", json!({"b": [{"y": null, "x": "é"}, 1], "a": true})),
        key("flow", "model", "tenant", Value::Null),
    ];
    for (at, other) in others.iter().enumerate() {
        assert!(*other != base && !others[..at].contains(other), "{at}");
    }
    let shown = format!("{base:?} {}", key("f", "m", "secret tenant", json!("secret input")));
    assert!(!shown.contains("secret") && base.to_string().len() == 64, "{shown}");
}
