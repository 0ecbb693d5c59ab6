//! Valid calls whose model takes longer than a head may: they are answered, however their heads are written.

use std::net::SocketAddr;
use std::time::Duration;

use checks::Combination;
use fake_gemini::{FakeGemini, Reply};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::start_with;

/// Longer than the ten seconds that a head may take.
const MODEL: Duration = Duration::from_secs(14);

/// A call whose lines end without a carriage return, which parsers take (RFC 9112 §2.2), and one with the beginning of
/// the next behind it.
const CALLS: [(&str, &[u8]); 2] = [
    (
        "bare line feeds",
        b"POST /chat HTTP/1.1\nhost: x\ncontent-type: application/json\ncontent-length: 2\n\n{}",
    ),
    (
        "a next head under way",
        b"POST /chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}\
GET /health HTTP/1.1\r\nhost: x\r\n",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_answered_although_its_model_takes_longer_than_a_head_may() {
    let fake = FakeGemini::start().await;
    fake.otherwise(Reply::text("At last.").header_delay(MODEL));
    let url = fake.url();
    let servers = Combination::all().map(|combination| {
        let url = &url;
        async move {
            let server = start_with(
                combination,
                &[("MODEL", ""), ("GEMINI_API_KEY", "key"), ("GEMINI_BASE_URL", url)],
            );
            let calls = CALLS.map(|(what, bytes)| async move { (what, call(server.address, bytes).await) });
            for (what, reply) in join_all(calls).await {
                assert!(reply.starts_with("HTTP/1.1 200"), "{combination}, {what}: {reply:?}");
                assert!(reply.contains("At last."), "{combination}, {what}: {reply:?}");
            }
        }
    });
    join_all(servers).await;
}

/// What has come until the answer is there, or the connection ends.
async fn call(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut reply = Vec::new();
    let reading = async {
        while stream.read_buf(&mut reply).await.is_ok_and(|it| it > 0) {
            if String::from_utf8_lossy(&reply).contains("At last.") {
                break;
            }
        }
    };
    let _ = timeout(MODEL * 2, reading).await;
    String::from_utf8_lossy(&reply).into_owned()
}
