//! Redis not there, not letting us in, or not Redis; what of that is told, and to whom.

use std::io::Write;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow_edge::edge::SharedRateLimiter as _;
use flow_redis::{RedisError, RedisSettings, RedisStore};
use flow_runtime::{CallScope, Claim, SharedCache as _};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tracing_subscriber::fmt::MakeWriter;

use crate::ONE_AT_A_TIME;
use crate::server::{Server, free_port, until};

async fn nothing_comes_of(store: &RedisStore) {
    let begun = Instant::now();
    let client = IpAddr::from([192, 0, 2, 7]);
    assert!(store.check(client, "1/day".parse().unwrap()).await.is_none());
    let key = CallScope::new("model", &()).unwrap().key("flow", "", &json!(null)).unwrap();
    assert!(matches!(store.claim(&key).await, Claim::Unavailable));
    // Less than one timeout.
    assert!(begun.elapsed() < Duration::from_millis(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_comes_later_is_found() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let port = free_port();
    let store = RedisStore::connect(RedisSettings::new(format!("redis://127.0.0.1:{port}"), "test")).unwrap();
    nothing_comes_of(&store).await;
    sleep(Duration::from_millis(400)).await;
    nothing_comes_of(&store).await;
    assert_eq!(store.fallbacks(), 4);
    let Some(_server) = Server::start_with(port, &[]).await else { return };
    let took = until(&store, true, Duration::from_secs(2)).await;
    println!("found after {took:?}");
}

/// Two ways for a server to be there and of no use, and how each is ended.
#[tokio::test]
async fn a_server_that_takes_no_writes_is_not_used_until_it_does() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(server) = Server::start().await else { return };
    let (store, mut look) = (server.store().await, server.look().await);
    for (broken, mended) in
        [("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"), ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0")]
    {
        let mut say = async |words: &str| {
            let mut words = words.split(' ');
            let mut command = redis::cmd(words.next().unwrap());
            for word in words {
                command.arg(word);
            }
            let () = command.query_async(&mut look).await.unwrap();
        };
        say(broken).await;
        until(&store, false, Duration::from_secs(2)).await;
        sleep(Duration::from_millis(600)).await;
        nothing_comes_of(&store).await;
        say(mended).await;
        until(&store, true, Duration::from_secs(2)).await;
    }
}

#[tokio::test]
async fn with_its_last_clone_a_store_leaves() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(server) = Server::start().await else { return };
    let store = server.store().await;
    let mut look = server.look().await;
    let mut clients = async || {
        let list: String = redis::cmd("CLIENT").arg("LIST").query_async(&mut look).await.unwrap();
        list.lines().count()
    };
    assert_eq!(clients().await, 2);
    drop(store.clone());
    sleep(Duration::from_millis(100)).await;
    assert_eq!(clients().await, 2);
    drop(store);
    let begun = Instant::now();
    while clients().await > 1 {
        assert!(begun.elapsed() < Duration::from_secs(2), "it is still connected");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_bad_url_is_an_error_that_does_not_repeat_it() {
    for url in ["", "localhost:6379", "http://:hunter2@x", "redis://:hunter2@x:port", "redis://:hunter2@x/db"]
    {
        let error = RedisStore::connect(RedisSettings::new(url, "test")).unwrap_err();
        assert_eq!(error, RedisError::Url, "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    let error = RedisStore::connect(RedisSettings::new("rediss://:hunter2@x/#insecure", "test")).unwrap_err();
    assert_eq!(error, RedisError::Insecure);
    let store = RedisStore::connect(RedisSettings::new("rediss://:hunter2@127.0.0.1:1", "test")).unwrap();
    assert!(!format!("{store:?}").contains("hunter2"), "{store:?}");
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn read(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Runs a test on this thread alone, so that it can be watched: its log, and its metrics.
fn watched(test: impl AsyncFnOnce(Log, Snapshotter)) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone());
    let recorder = DebuggingRecorder::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        tracing::subscriber::with_default(subscriber.finish(), || {
            runtime.block_on(async {
                let _alone = ONE_AT_A_TIME.lock().await;
                test(log, recorder.snapshotter()).await;
            });
        });
    });
}

/// With the password, the arguments of commands a server does not have are what it would repeat.
#[test]
fn what_is_logged_is_how_it_failed_and_no_secret() {
    watched(async |log, _| {
        let options = ["--requirepass", "right", "--rename-command", "EVALSHA", ""];
        for (password, options) in [("hunter2", &options[..2]), ("right", &options)] {
            let Some(server) = Server::start_with(free_port(), options).await else { return };
            let url = format!("redis://:{password}@127.0.0.1:{}", server.port);
            let store = RedisStore::connect(RedisSettings::new(url, "test")).unwrap();
            sleep(Duration::from_millis(800)).await;
            let client = IpAddr::from([192, 0, 2, 7]);
            assert!(store.check(client, "1/day".parse().unwrap()).await.is_none());
            assert_eq!(store.is_up(), password == "right");
        }
        let log = log.read();
        assert_eq!(log.matches("WARN").count(), 1, "{log}");
        assert!(log.contains("authentication failed") && log.contains("refused with ERR"), "{log}");
        for secret in ["hunter2", "right@", "192.0.2.7", "rate:v1"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    });
}

#[test]
fn an_outage_is_one_warning_one_notice_and_a_metric() {
    watched(async |log, metrics| {
        let Some(mut server) = Server::start().await else { return };
        let store = server.store().await;
        let client = IpAddr::from([192, 0, 2, 7]);
        let limit = "9/day".parse().unwrap();
        assert!(store.check(client, limit).await.is_some());
        assert_eq!(read(&metrics), (Some(1.0), 0, 1));
        server.kill();
        // Even if nobody asks.
        until(&store, false, Duration::from_secs(2)).await;
        for _ in 0..20 {
            assert!(store.check(client, limit).await.is_none());
        }
        sleep(Duration::from_millis(600)).await;
        assert_eq!(read(&metrics), (Some(0.0), 20, 0));
        server.restart().await;
        until(&store, true, Duration::from_secs(2)).await;
        assert_eq!(read(&metrics), (Some(1.0), 0, 0));
        let log = log.read();
        let counts =
            [" WARN ", " INFO ", "slow or gone", "Redis is connected"].map(|it| log.matches(it).count());
        assert_eq!(counts, [1, 2, 1, 2], "{log}");
    });
}

/// The gauge, what the fallbacks of limits have grown by, and how many operations have been timed since.
fn read(metrics: &Snapshotter) -> (Option<f64>, u64, usize) {
    let (mut up, mut fallbacks, mut timed) = (None, 0, 0);
    for (key, _, _, value) in metrics.snapshot().into_vec() {
        let rate = key.key().labels().any(|it| (it.key(), it.value()) == ("db.operation.name", "rate"));
        match (key.key().name(), value) {
            ("flow.store.up", DebugValue::Gauge(value)) => up = Some(value.into_inner()),
            ("flow.store.fallbacks", DebugValue::Counter(count)) if rate => fallbacks = count,
            ("db.client.operation.duration", DebugValue::Histogram(values)) if rate => timed = values.len(),
            other => panic!("{other:?}"),
        }
    }
    (up, fallbacks, timed)
}
