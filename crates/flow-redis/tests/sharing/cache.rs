//! One answer, whoever computes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use flow_edge::edge::SharedRateLimiter as _;
use flow_redis::{RedisSettings, RedisStore};
use flow_runtime::{
    CacheOutcome, CacheSettings, CallKey, CallScope, Claim, Lease, ResponseCache, SharedCache as _,
};
use futures_util::future::join_all;
use redis::AsyncCommands as _;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::server::{Server, up};

fn key(about: &str) -> CallKey {
    CallScope::new("model", &()).unwrap().key("flow", "", &json!({ "about": about })).unwrap()
}

async fn lease(store: &RedisStore, key: &CallKey) -> Box<dyn Lease> {
    match store.claim(key).await {
        Claim::Ours(lease) => lease,
        other => panic!("{other:?}"),
    }
}

/// How long it takes until `store` may compute.
async fn until_free(store: &RedisStore, key: &CallKey) -> (Duration, Box<dyn Lease>) {
    let begun = Instant::now();
    loop {
        match store.claim(key).await {
            Claim::Ours(lease) => return (begun.elapsed(), lease),
            Claim::Theirs { .. } => sleep(Duration::from_millis(20)).await,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_of_two_replicas_are_one_computation() {
    let Some(server) = Server::start().await else { return };
    let stores = [server.store().await, server.store().await];
    let replicas: [ResponseCache<&str>; 2] = std::array::from_fn(|nth| {
        ResponseCache::new(&CacheSettings::default()).with_shared(Arc::new(stores[nth].clone()))
    });
    let counted = Arc::new(AtomicUsize::new(0));
    let compute = || {
        let counted = counted.clone();
        async move {
            counted.fetch_add(1, SeqCst);
            sleep(Duration::from_millis(300)).await;
            Ok(r#"{"text":"Käse „€“"}"#.into())
        }
    };
    let calls = (0..200).map(|nth| replicas[nth % 2].get_or_compute(key("one"), compute()));
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(counted.load(SeqCst), 1);
    assert!(answers.iter().all(|(answer, _)| &**answer == r#"{"text":"Käse „€“"}"#));
    let of = |wanted| answers.iter().filter(|it| it.1 == wanted).count();
    assert_eq!((of(CacheOutcome::Miss), of(CacheOutcome::Coalesced)), (1, 199));

    let third = ResponseCache::new(&CacheSettings::default()).with_shared(Arc::new(server.store().await));
    let (_, outcome) = third.get_or_compute(key("one"), compute()).await.unwrap();
    assert_eq!(
        (outcome, counted.load(SeqCst)),
        (CacheOutcome::Hit, 1),
        "a replica that came later has it too"
    );
}

#[tokio::test]
async fn a_dropped_lease_is_free_again_at_once() {
    let Some(server) = Server::start().await else { return };
    let [first, second] = [server.store().await, server.store().await];
    let held = lease(&first, &key("dropped")).await;
    assert!(matches!(second.claim(&key("dropped")).await, Claim::Theirs { .. }));
    drop(held);
    let (took, _) = until_free(&second, &key("dropped")).await;
    println!("free after {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn a_lease_ends_with_its_replica_and_not_before() {
    let Some(server) = Server::start().await else { return };
    let [first, second] = [server.store().await, server.store().await];
    // A replica that is killed renews nothing and gives nothing back.
    std::mem::forget(lease(&first, &key("killed")).await);
    let renewed = lease(&first, &key("renewed")).await;
    let killed = key("killed");
    let renewing = async {
        loop {
            sleep(renewed.renew_every()).await;
            renewed.renew().await;
        }
    };
    let (took, _lease) = tokio::select! {
        free = until_free(&second, &killed) => free,
        () = renewing => unreachable!("it goes on for ever"),
    };
    println!("free after {took:?}");
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(6), "{took:?}");
    sleep(Duration::from_millis(500)).await;
    assert!(matches!(second.claim(&key("renewed")).await, Claim::Theirs { .. }), "renewed, it lasts");
}

#[tokio::test]
async fn who_has_lost_a_lease_can_neither_renew_nor_end_that_of_another() {
    let Some(server) = Server::start().await else { return };
    let [first, second, third] = [server.store().await, server.store().await, server.store().await];
    let mut look = server.look().await;
    let late = lease(&first, &key("late")).await;
    let () = look.del(format!("test:lease:v1:{{{}}}", key("late"))).await.unwrap();
    let held = lease(&second, &key("late")).await;
    late.renew().await;
    drop(late);
    // Another lease of the same store is given back after it, so by then that one was.
    drop(lease(&first, &key("mark")).await);
    until_free(&third, &key("mark")).await;
    assert!(matches!(third.claim(&key("late")).await, Claim::Theirs { .. }));
    held.fulfil(&"1".into()).await;
    assert!(matches!(third.claim(&key("late")).await, Claim::Cached { .. }));
}

#[tokio::test]
async fn an_answer_is_good_for_what_is_left_of_its_time() {
    let Some(server) = Server::start().await else { return };
    let settings = RedisSettings {
        timeout: Duration::from_secs(5),
        cache_ttl: Duration::from_millis(1500),
        ..RedisSettings::new(server.url(), "test")
    };
    let store = up(settings).await;
    let key = key("old");
    lease(&store, &key).await.fulfil(&"[1]".into()).await;
    sleep(Duration::from_millis(500)).await;
    let Claim::Cached { answer, good_for } = store.claim(&key).await else { panic!("it is there") };
    assert_eq!(&*answer, "[1]");
    assert!(good_for > Duration::from_millis(500) && good_for <= Duration::from_secs(1), "{good_for:?}");
    sleep(good_for + Duration::from_millis(50)).await;
    assert!(matches!(store.claim(&key).await, Claim::Ours(_)));
}

#[tokio::test]
async fn a_restarted_server_is_taught_the_scripts_again() {
    let Some(server) = Server::start().await else { return };
    let (store, mut look) = (server.store().await, server.look().await);
    let () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut look).await.unwrap();
    lease(&store, &key("flushed")).await.fulfil(&"2".into()).await;
    assert!(matches!(store.claim(&key("flushed")).await, Claim::Cached { .. }));
    assert_eq!(store.fallbacks(), 0);
}

#[tokio::test]
async fn what_is_wrong_with_one_key_is_no_reason_to_give_up_the_others() {
    let Some(server) = Server::start().await else { return };
    let (store, mut look) = (server.store().await, server.look().await);
    let () = look.lpush(format!("test:cache:v1:{{{}}}", key("list")), 1).await.unwrap();
    let () = look.set(format!("test:cache:v1:{{{}}}", key("binary")), b"\xff").await.unwrap();
    assert!(matches!(store.claim(&key("list")).await, Claim::Unavailable));
    assert!(matches!(store.claim(&key("binary")).await, Claim::Unavailable));
    assert!(store.is_up());
    assert!(matches!(store.claim(&key("other")).await, Claim::Ours(_)));
    assert_eq!(store.fallbacks(), 2);
}

/// What `flow_redis`' documentation says is asked of Redis.
#[tokio::test]
async fn a_user_of_its_own_needs_no_more_than_is_written() {
    let Some(server) = Server::start().await else { return };
    let mut look = server.look().await;
    let rights = "~test:* +get +set +del +pttl +pexpire +time +evalsha +script|load";
    let mut create = redis::cmd("ACL");
    create.arg("SETUSER").arg("flows").arg("on").arg(">secret").arg(rights.split(' ').collect::<Vec<_>>());
    let () = create.query_async(&mut look).await.unwrap();
    let url = server.url().replace("//", "//flows:secret@");
    let store =
        up(RedisSettings { timeout: Duration::from_secs(5), ..RedisSettings::new(url, "test") }).await;
    let (kept, dropped) = (lease(&store, &key("kept")).await, lease(&store, &key("dropped")).await);
    kept.renew().await;
    kept.fulfil(&"1".into()).await;
    assert!(matches!(store.claim(&key("kept")).await, Claim::Cached { .. }));
    drop(dropped);
    assert!(until_free(&store, &key("dropped")).await.0 < Duration::from_secs(1));
    let limit = "9/day".parse().unwrap();
    assert!(store.check("192.0.2.7".parse().unwrap(), limit).await.is_some());
    assert!(store.is_up() && store.fallbacks() == 0);
}
