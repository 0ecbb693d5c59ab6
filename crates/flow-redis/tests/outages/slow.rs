//! Redis there, and too slow to be of use.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use flow_edge::edge::SharedRateLimiter as _;
use flow_redis::RedisSettings;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::ONE_AT_A_TIME;
use crate::server::{Server, until, up};

/// A long way to a server: so many milliseconds each way. The port it begins at.
async fn long_way(to: u16, millis: &Arc<AtomicU64>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let millis = millis.clone();
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let (near_reads, near_writes) = near.into_split();
            let (far_reads, far_writes) = TcpStream::connect(("127.0.0.1", to)).await.unwrap().into_split();
            tokio::spawn(carry(near_reads, far_writes, millis.clone()));
            tokio::spawn(carry(far_reads, near_writes, millis.clone()));
        }
    });
    port
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, millis: Arc<AtomicU64>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        sleep(Duration::from_millis(millis.load(SeqCst))).await;
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_always_too_slow_is_left_alone_until_it_is_faster() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(server) = Server::start().await else { return };
    let millis = Arc::new(AtomicU64::new(0));
    let port = long_way(server.port, &millis).await;
    let timeout = Duration::from_millis(100);
    let url = format!("redis://127.0.0.1:{port}");
    let store = up(RedisSettings { timeout, ..RedisSettings::new(url, "test") }).await;
    let (client, limit) = (IpAddr::from([192, 0, 2, 7]), "1000/day".parse().unwrap());
    assert!(store.check(client, limit).await.is_some());

    millis.store(70, SeqCst);
    let begun = Instant::now();
    let mut waited = 0;
    while begun.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        assert!(store.check(client, limit).await.is_none());
        waited += usize::from(asked.elapsed() > timeout / 2);
        sleep(Duration::from_millis(1)).await;
    }
    // It accepts connections and answers, only not in time. Trying that is not left to requests.
    assert_eq!(waited, 1);
    assert!(!store.is_up());
    millis.store(0, SeqCst);
    until(&store, true, Duration::from_secs(2)).await;
    assert!(store.check(client, limit).await.is_some());
}
