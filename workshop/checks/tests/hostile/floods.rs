//! Clients that ask for much and read nothing, or send without end: memory stays bounded and others are answered.
//!
//! The bounds are those of `docs/production.md`, "Memory under attack".

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use checks::Combination;
use futures_util::future::join_all;
use harness::Process;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{SOON, start, start_with};

/// How long an attack lasts, and how slow a probe may be meanwhile: a debug build and its attacker share two cores.
const ATTACK: Duration = Duration::from_secs(5);
const SLOW: Duration = Duration::from_secs(3);
/// The same behind 40,000 requests, of which each has its turn first: a debug build answers them in two to six seconds,
/// by what else the machine does.
const SLOW_BEHIND_MANY: Duration = SOON;

/// Runs an attack, asks for `/health` all the while, and says what it cost.
pub(crate) async fn under_attack<F: Future>(
    name: &str,
    combination: Combination,
    server: &Process,
    attack: F,
) -> (u64, F::Output) {
    under_attack_for(SLOW, name, combination, server, attack).await
}

/// The same where a probe may take so long.
async fn under_attack_for<F: Future>(
    slow: Duration,
    name: &str,
    combination: Combination,
    server: &Process,
    attack: F,
) -> (u64, F::Output) {
    let before = server.peak_memory();
    let over = Arc::new(AtomicBool::new(false));
    let (to, seen) = (server.address, over.clone());
    // On a thread of its own, since the attacker's are busy.
    let probing = std::thread::spawn(move || {
        let mut slowest = Duration::ZERO;
        while !seen.load(Ordering::Relaxed) {
            let began = Instant::now();
            assert!(is_healthy(to).expect("an answer"));
            slowest = slowest.max(began.elapsed());
            std::thread::sleep(Duration::from_millis(50));
        }
        slowest
    });
    let began = Instant::now();
    let result = attack.await;
    // What was sent lies in buffers; the server has yet to read it.
    tokio::time::sleep(ATTACK.saturating_sub(began.elapsed())).await;
    over.store(true, Ordering::Relaxed);
    let slowest = probing.join().unwrap();
    // The kernel counts in batches, so that a peak may seem to sink a little.
    let grown = server.peak_memory().saturating_sub(before);
    println!(
        "{combination}: {name}: memory grew by {grown} KiB, /health took {slowest:.1?} of {slow:.1?} at most"
    );
    assert!(slowest <= slow, "{combination}: {name}: /health took {slowest:?} of {slow:?}");
    (grown, result)
}

fn is_healthy(to: SocketAddr) -> std::io::Result<bool> {
    let mut stream = std::net::TcpStream::connect(to)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200 "))
}

/// Sends requests one behind the other and reads no answer.
async fn pipeline(to: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let many = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n".repeat(16_000);
    let _ = timeout(ATTACK, stream.write_all(&many)).await;
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_thousand_requests_that_nobody_reads_the_answers_of() {
    for combination in Combination::all() {
        let server = start(combination);
        for connections in [1, 40] {
            let attack = join_all((0..connections).map(|_| pipeline(server.address)));
            let name = format!("16,000 requests on each of {connections} connections");
            let (grown, held) = under_attack(&name, combination, &server, attack).await;
            assert!(grown <= 8 * 1024 + connections * 512, "{combination}: {grown} KiB");
            drop(held);
        }
    }
}

/// A connection over HTTP/2 with many requests on it, and their answers, which nobody reads.
struct Asked {
    connection: JoinHandle<Result<(), h2::Error>>,
    /// Dropped, they would be reset.
    answers: Vec<h2::client::ResponseFuture>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// Asks 200 times on one connection, or as often as it may, with room for so many bytes of each answer.
async fn ask(
    to: SocketAddr,
    room: u32,
    request: fn(SocketAddr) -> Request<()>,
    body: Bytes,
) -> Option<Asked> {
    let stream = TcpStream::connect(to).await.ok()?;
    let handshake = h2::client::Builder::new().initial_window_size(room).handshake::<_, Bytes>(stream);
    let (mut client, connection) = handshake.await.ok()?;
    let mut asked = Asked { connection: tokio::spawn(connection), answers: Vec::new() };
    for _ in 0..200 {
        let Ok(ready) = timeout(Duration::from_secs(3), client.ready()).await else { break };
        client = ready.ok()?;
        let (answer, mut sending) = client.send_request(request(to), body.is_empty()).ok()?;
        if !body.is_empty() {
            sending.send_data(body.clone(), true).ok()?;
        }
        asked.answers.push(answer);
    }
    Some(asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_thousand_streams_without_room() {
    let health = |to| Request::get(format!("http://{to}/health")).body(()).unwrap();
    for combination in Combination::all() {
        let server = start(combination);
        let attack = join_all((0..200).map(|_| ask(server.address, 0, health, Bytes::new())));
        let name = "200 x 200 streams without room";
        let (grown, held) = under_attack_for(SLOW_BEHIND_MANY, name, combination, &server, attack).await;
        assert!(held.iter().flatten().count() > 0, "{combination}: nobody could ask");
        assert!(grown <= 400 * 1024, "{combination}: {grown} KiB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_thousand_watchers_of_health() {
    let watch = |to| {
        let url = format!("http://{to}/grpc.health.v1.Health/Watch");
        let request = Request::post(url).header("content-type", "application/grpc").header("te", "trailers");
        request.body(()).unwrap()
    };
    for combination in Combination::all().filter(|it| it.listener == "hyper") {
        let server = start_with(combination, &[("SINGLE_PORT", "true"), ("NO_GRPC", "false")]);
        // The request is a message without fields.
        let attack = join_all((0..200).map(|_| ask(server.address, 0, watch, Bytes::from_static(&[0; 5]))));
        let name = "200 x 200 watchers of health";
        let (grown, held) = under_attack_for(SLOW_BEHIND_MANY, name, combination, &server, attack).await;
        assert!(held.iter().flatten().count() > 0, "{combination}: nobody could ask");
        assert!(grown <= 400 * 1024, "{combination}: {grown} KiB");
    }
}

/// HTTP/2's preface and empty settings. Then there is silence.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_silent_over_http2() {
    let servers = Combination::all().map(|combination| async move {
        let server = start_with(combination, &[("KEEP_ALIVE_TIMEOUT", "2"), ("REQUEST_TIMEOUT", "1")]);
        let attack = join_all((0..50).map(|_| async {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            stream.write_all(HTTP2).await.unwrap();
            let began = Instant::now();
            // What the server says meanwhile is read, and the end may be a reset.
            let ended = timeout(Duration::from_mins(1), stream.read_to_end(&mut Vec::new())).await;
            ended.is_ok().then(|| began.elapsed())
        }));
        let name = "50 silent connections of HTTP/2";
        let (_, ended) = under_attack(name, combination, &server, attack).await;
        let last = ended.into_iter().collect::<Option<Vec<_>>>().expect("an end").into_iter().max();
        println!("{combination}: the last of them was ended after {:.0?}", last.unwrap_or_default());
    });
    join_all(servers).await;
}

/// Most of these would fill all places; a client gets 2,048 of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_of_one_client_than_there_are_places() {
    const OF_ONE: usize = 2048;
    for combination in Combination::all() {
        let server = start(combination);
        let attack = async {
            let mut held = Vec::new();
            for _ in 0..8250 {
                // Not the address that the probe comes from.
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
                let Ok(stream) = socket.connect(server.address).await else { continue };
                let _ = stream.try_write(HTTP2);
                held.push(stream);
            }
            // A connection that has a place is greeted with the server's settings.
            let greeted = held.iter_mut().map(|it| timeout(SOON, it.read_u8()));
            let greeted = join_all(greeted).await.into_iter().filter(|it| matches!(it, Ok(Ok(_)))).count();
            (greeted, held)
        };
        let name = "8,250 silent connections of HTTP/2";
        let (_, (greeted, held)) = under_attack(name, combination, &server, attack).await;
        assert_eq!(greeted, OF_ONE, "{combination}");
        assert_eq!(held.len(), 8250, "{combination}: closed, but not refused");
    }
}

/// Sends something without end and notes how much was taken.
async fn send_for_ever(to: SocketAddr, begin: &[u8], endless: &[u8]) -> usize {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(begin).await.unwrap();
    let mut taken = 0;
    let sending = async {
        while stream.write_all(endless).await.is_ok() {
            taken += endless.len();
        }
    };
    let _ = timeout(ATTACK, sending).await;
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunks_size_and_a_head_that_never_end() {
    for combination in Combination::all() {
        let server = start(combination);
        for (name, begin, endless) in [
            (
                "a chunk's size of zeros",
                &b"POST /tell-joke HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"[..],
                &[b'0'; 16 * 1024][..],
            ),
            ("a head that begins with PRI", &b"PRI "[..], &[b'x'; 1024][..]),
        ] {
            let attack = join_all((0..4).map(|_| send_for_ever(server.address, begin, endless)));
            let (grown, taken) = under_attack(name, combination, &server, attack).await;
            let most = taken.into_iter().max().unwrap_or_default() / 1024;
            println!("{combination}: {name}: at most {most} KiB were taken");
            // Eight times the largest body and 256 KiB, 8 MiB after the end, and what the kernel holds.
            assert!(most <= (8 + 8 + 24) * 1024, "{combination}: {name}: {most} KiB");
            assert!(grown <= 16 * 1024, "{combination}: {name}: {grown} KiB");
        }
    }
}
