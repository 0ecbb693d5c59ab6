//! Heads that never end, are too large or ambiguous.

use std::time::{Duration, Instant};

use checks::Combination;
use futures_util::future::join_all;
use harness::Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{MIB, SOON, answers, start, start_with};

/// How long a request's head may take on our own listener.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How late an end may come on a busy machine.
const SLACK: Duration = Duration::from_secs(8);

fn is_ended(stream: &TcpStream) -> bool {
    let read = stream.try_read(&mut [0; 512]);
    !matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

/// The most that a native listener lets pass without a byte, with the settings below.
const SILENCE: Duration = Duration::from_secs(15);

/// Our own listener bounds a head, whatever its client sends meanwhile. A framework's own bounds silence, and actix-web's
/// the first head of a connection as well (`docs/production.md`, "Limits of the listeners").
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_heads_that_never_end_stop_nobody_and_are_ended() {
    const SLOW: usize = 500;
    let servers = Combination::all().map(|combination| async move {
        let server = start_with(combination, &[("KEEP_ALIVE_TIMEOUT", "10"), ("REQUEST_TIMEOUT", "5")]);
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
        let is_strict = combination.listener == "hyper";
        let least = match (is_strict, combination.framework) {
            (true, _) => SLOW,
            (false, "actix") => SLOW / 2,
            _ => 0,
        };
        // A byte now and then, as such clients send them.
        let (ended, longest) = watch(&server, &mut slow, true, HEAD_TIMEOUT + SLACK, SLOW).await;
        println!(
            "{combination}: {ended} of {SLOW} ended while they sent; a normal call took {longest:?} at most"
        );
        assert!(ended >= least, "{combination}: {ended}");
        assert!(longest < Duration::from_secs(3), "{combination}: {longest:?}");
        if !is_strict {
            let (ended, _) = watch(&server, &mut slow, false, SILENCE + SLACK, SLOW).await;
            assert_eq!(ended, SLOW, "{combination}: after they fell silent");
        }
    });
    join_all(servers).await;
}

/// Looks on for so long, or until so many are ended: how many are, and how long a normal call took at most.
async fn watch(
    server: &Process,
    slow: &mut [TcpStream],
    sends: bool,
    limit: Duration,
    all: usize,
) -> (usize, Duration) {
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    let mut ended = 0;
    while began.elapsed() < limit && ended < all {
        let asked = Instant::now();
        assert!(answers(server.address).await, "a normal client is not answered");
        longest = longest.max(asked.elapsed());
        for stream in slow.iter().filter(|_| sends) {
            // Whoever was cut off hears of it.
            let _ = stream.try_write(b"x: y\r\n");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        ended = slow.iter().filter(|it| is_ended(it)).count();
    }
    (ended, longest)
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
