//! Heads that never end, are too large or ambiguous.

use std::time::{Duration, Instant};

use checks::Combination;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{MIB, SOON, answers, start};

/// How long a request's head may take (`SECURITY.md`).
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

fn is_ended(stream: &TcpStream) -> bool {
    let read = stream.try_read(&mut [0; 512]);
    !matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_heads_that_never_end_stop_nobody_and_are_ended() {
    const SLOW: usize = 500;
    let servers = Combination::all().map(|combination| async move {
        let server = start(combination);
        let address = server.address;
        let slow = (0..SLOW).map(|nth| async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            if nth % 2 == 1 {
                // On a connection that has been answered once it is no different.
                stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
                let mut reply = Vec::new();
                while !reply.ends_with(b"{\"status\":\"ok\"}") {
                    reply.push(stream.read_u8().await.unwrap());
                }
            }
            stream.write_all(b"POST /tell-joke HTTP/1.1\r\nhost: x\r\n").await.unwrap();
            stream
        });
        let mut slow = join_all(slow).await;
        let began = Instant::now();
        let mut longest = Duration::ZERO;
        let mut ended = 0;
        while began.elapsed() < HEAD_TIMEOUT + Duration::from_secs(8) && ended < SLOW {
            let asked = Instant::now();
            assert!(answers(server.address).await, "{combination}: a normal client is not answered");
            longest = longest.max(asked.elapsed());
            for stream in &mut slow {
                // A byte now and then, as such clients do. Whoever was cut off hears of it.
                let _ = stream.try_write(b"x: y\r\n");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            ended = slow.iter().filter(|it| is_ended(it)).count();
        }
        println!(
            "{combination}: {ended} of {SLOW} ended after {:?}; a normal call took {longest:?} at most",
            began.elapsed()
        );
        assert_eq!(ended, SLOW, "{combination}");
        assert!(longest < Duration::from_secs(3), "{combination}: {longest:?}");
    });
    join_all(servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_too_large_or_ambiguous_is_refused() {
    for combination in Combination::all() {
        let server = start(combination);
        let mut said = Vec::new();
        for (what, head) in [
            ("a target of 1 MiB", format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(MIB))),
            (
                "a header of 1 MiB",
                format!("GET /health HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(MIB)),
            ),
            ("1,000 headers", format!("GET /health HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(1000))),
        ] {
            let stream = TcpStream::connect(server.address).await.unwrap();
            let (mut reader, mut writer) = stream.into_split();
            let sending = tokio::spawn(async move {
                let _ = writer.write_all(head.as_bytes()).await;
                writer
            });
            let mut reply = Vec::new();
            let _ = timeout(SOON, reader.read_to_end(&mut reply)).await.expect("the connection stays open");
            drop(sending.await);
            let reply = String::from_utf8_lossy(&reply);
            let status = reply.split(' ').nth(1).unwrap_or("closed").to_owned();
            assert!(
                ["closed", "400", "404", "413", "414", "431"].contains(&&*status),
                "{combination}, {what}: {reply}"
            );
            assert!(status != "404" || !what.contains("MiB"), "{combination}, {what}: it was taken");
            said.push(format!("{what}: {status}"));
        }
        // Some parsers refuse it themselves, the edge the rest.
        let mut two_hosts = TcpStream::connect(server.address).await.unwrap();
        two_hosts.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n").await.unwrap();
        let mut reply = [0; 12];
        timeout(SOON, two_hosts.read_exact(&mut reply)).await.unwrap().unwrap();
        assert_eq!(&reply, b"HTTP/1.1 400", "{combination}: two hosts");
        let h2c = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
        let health = h2c.get(format!("http://{}/health", server.address));
        let reply = health.header("host", "another.example").send().await.unwrap();
        assert_eq!(reply.status(), 400, "{combination}: a host beside that of the target");
        println!("{combination}: {}", said.join(", "));
        assert!(answers(server.address).await, "{combination}");
    }
}
