//! Clients that mean harm: bodies without end, heads that never come, floods of resets; on every compiled adapter,
//! on both listeners.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test, which tells what it saw"
)]

#[path = "contract/process.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod process;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fake_gemini::FakeGemini;
use flow_core::adapter::{Adapter, HEAD_TIMEOUT};
use flow_core::wire::pump::READ_TIMEOUT;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use genkit_endpoints::adapters::COMPILED_IN;
use genkit_endpoints::serving::ServerKind;
use process::Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);
const MIB: usize = 1024 * 1024;
const CHUNK: usize = 64 * 1024;
static BLANKS: [u8; CHUNK] = [b' '; CHUNK];

fn combinations() -> Vec<(Adapter, ServerKind)> {
    COMPILED_IN.iter().flat_map(|it| [(*it, ServerKind::Native), (*it, ServerKind::Hyper)]).collect()
}

fn start(adapter: Adapter, kind: ServerKind) -> Process {
    let environment = [
        ("MODEL", "demo"),
        ("WEB_CONCURRENCY", "2"),
        ("RATE_LIMIT_DEFAULT", "1000000/second"),
        ("NO_GRPC", "true"),
        ("LOG_LEVEL", "info"),
    ];
    Process::start(adapter.name, kind, &environment.map(|(name, value)| (name, value.to_owned())))
}

/// How a body tells its length.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Length {
    Chunked,
    /// All of it is declared, and sent.
    True,
    /// Ten bytes are declared.
    Less,
}

/// Sends a body over HTTP/1.1 for as long as it is taken. The reply, as far as it came, and how much was sent.
async fn send(to: SocketAddr, length: Length, size: usize) -> (String, usize) {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let told = match length {
        Length::Chunked => "transfer-encoding: chunked".to_owned(),
        Length::True => format!("content-length: {size}"),
        Length::Less => "content-length: 10".to_owned(),
    };
    let head =
        format!("POST /tell-joke HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{told}\r\n\r\n");
    writer.write_all(head.as_bytes()).await.unwrap();
    let sending = tokio::spawn(async move {
        let piece = match length {
            Length::Chunked => [format!("{CHUNK:x}\r\n").as_bytes(), &BLANKS, b"\r\n"].concat(),
            Length::True | Length::Less => vec![b' '; CHUNK],
        };
        let mut sent = 0;
        while sent < size && matches!(timeout(SOON, writer.write_all(&piece)).await, Ok(Ok(()))) {
            sent += CHUNK;
        }
        sent
    });
    let mut reply = Vec::new();
    // The end may be a reset: there is more under way than anybody wants to read.
    let _ = timeout(SOON, reader.read_to_end(&mut reply)).await.expect("the connection stays open");
    (String::from_utf8_lossy(&reply).into_owned(), sending.await.unwrap())
}

/// The same over HTTP/2, where a body needs no length. The status and how much was taken.
async fn send_h2(to: SocketAddr, size: usize) -> (Option<u16>, usize) {
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let pieces = stream::iter(0..size / CHUNK).map(move |_| {
        counted.fetch_add(CHUNK, Ordering::Relaxed);
        Ok::<_, std::io::Error>(Bytes::from_static(&BLANKS))
    });
    let request = client
        .post(format!("http://{to}/tell-joke"))
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(pieces));
    let reply = timeout(SOON, request.send()).await.expect("no answer");
    (reply.ok().map(|it| it.status().as_u16()), taken.load(Ordering::Relaxed))
}

fn is_ended(stream: &TcpStream) -> bool {
    let read = stream.try_read(&mut [0; 512]);
    !matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

async fn answers(to: SocketAddr) -> bool {
    let client = reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap();
    let reply = client.post(format!("http://{to}/tell-joke")).json(&serde_json::json!({})).send().await;
    reply.is_ok_and(|it| it.status() == 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_413_however_it_comes_and_costs_no_memory() {
    for (adapter, kind) in combinations() {
        let who = format!("{}/{kind:?}", adapter.name);
        let server = start(adapter, kind);
        assert!(answers(server.address).await, "{who}");
        let before = server.peak_memory();
        let mut most = 0;
        for size in [2 * MIB, 1024 * MIB] {
            for length in [Length::Chunked, Length::True] {
                let (reply, sent) = send(server.address, length, size).await;
                assert!(reply.starts_with("HTTP/1.1 413 "), "{who} {length:?} {size}: {reply}");
                assert!(
                    reply.contains("x-content-type-options: nosniff"),
                    "{who} {length:?} {size}: {reply}"
                );
                most = most.max(sent);
            }
            // What was not declared is another request, and a bad one; what was declared is no JSON.
            let (reply, sent) = send(server.address, Length::Less, size).await;
            assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400 "), "{who} {size}: {reply}");
            most = most.max(sent);
            let (status, taken) = send_h2(server.address, size).await;
            assert_eq!(status, Some(413), "{who} h2 {size}");
            most = most.max(taken);
        }
        let grown = server.peak_memory() - before;
        println!("{who}: of 1 GiB at most {} KiB were sent; memory grew by {grown} KiB", most / 1024);
        // What is under way in the kernel's buffers on both sides.
        assert!(most <= 32 * MIB, "{who}: {most}");
        assert!(grown <= 16 * 1024, "{who}: {grown} KiB");
        assert!(answers(server.address).await, "{who}");
    }
}

/// Sends 2 MiB in pieces with pauses, as over a slow line, and only then reads. The status, if it is still there.
async fn send_slowly(to: SocketAddr) -> Option<u16> {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let head = format!("POST /chat HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 2 * MIB);
    stream.write_all(head.as_bytes()).await.ok()?;
    for _ in 0..2 * MIB / CHUNK {
        stream.write_all(&BLANKS).await.ok()?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut reply = Vec::new();
    timeout(SOON, stream.read_to_end(&mut reply)).await.expect("the connection stays open").ok()?;
    std::str::from_utf8(reply.get(9..12)?).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_still_sending_gets_to_see_its_refusal() {
    for (adapter, kind) in combinations() {
        let server = start(adapter, kind);
        let replies = join_all((0..20).map(|_| send_slowly(server.address))).await;
        assert_eq!(replies, [Some(413); 20], "{}/{kind:?}", adapter.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_heads_that_never_end_stop_nobody_and_are_ended() {
    const SLOW: usize = 500;
    let servers = combinations().into_iter().map(|(adapter, kind)| async move {
        let who = format!("{}/{kind:?}", adapter.name);
        let server = start(adapter, kind);
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
            assert!(answers(server.address).await, "{who}: a normal client is not answered");
            longest = longest.max(asked.elapsed());
            for stream in &mut slow {
                // A byte now and then, as such clients do. Whoever was cut off hears of it.
                let _ = stream.try_write(b"x: y\r\n");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            ended = slow.iter().filter(|it| is_ended(it)).count();
        }
        println!(
            "{who}: {ended} of {SLOW} ended after {:?}; a normal call took {longest:?} at most",
            began.elapsed()
        );
        assert_eq!(ended, SLOW, "{who}");
        assert!(longest < Duration::from_secs(3), "{who}: {longest:?}");
    });
    join_all(servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_resets_stops_nobody() {
    for (adapter, kind) in combinations() {
        let who = format!("{}/{kind:?}", adapter.name);
        let server = start(adapter, kind);
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        let driven = tokio::spawn(connection);
        let mut reset = 0;
        let flood = async {
            let mut client = client;
            while reset < 20_000 {
                let Ok(ready) = client.ready().await else { break };
                client = ready;
                let request = http::Request::post(format!("http://{}/tell-joke/stream", server.address));
                let request = request.header("content-type", "application/json").body(()).unwrap();
                let Ok((answer, mut body)) = client.send_request(request, false) else { break };
                body.send_reset(h2::Reason::CANCEL);
                drop(answer);
                reset += 1;
                if reset % 100 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        };
        let began = Instant::now();
        let flooded = timeout(SOON, flood).await.is_ok();
        assert!(answers(server.address).await, "{who}");
        driven.abort();
        println!("{who}: {reset} resets in {:?}, finished: {flooded}", began.elapsed());
        assert!(reset > 20, "{who}: no flood");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_too_large_or_ambiguous_is_refused() {
    for (adapter, kind) in combinations() {
        let who = format!("{}/{kind:?}", adapter.name);
        let server = start(adapter, kind);
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
                "{who}, {what}: {reply}"
            );
            assert!(status != "404" || !what.contains("MiB"), "{who}, {what}: it was taken");
            said.push(format!("{what}: {status}"));
        }
        // Some parsers refuse it themselves, the edge the rest.
        let mut two_hosts = TcpStream::connect(server.address).await.unwrap();
        two_hosts.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n").await.unwrap();
        let mut reply = [0; 12];
        timeout(SOON, two_hosts.read_exact(&mut reply)).await.unwrap().unwrap();
        assert_eq!(&reply, b"HTTP/1.1 400", "{who}: two hosts");
        let h2c = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
        let health = h2c.get(format!("http://{}/health", server.address));
        let reply = health.header("host", "another.example").send().await.unwrap();
        assert_eq!(reply.status(), 400, "{who}: a host beside that of the target");
        println!("{who}: {}", said.join(", "));
        assert!(answers(server.address).await, "{who}");
    }
}

/// Asks again and again over HTTP/1.1, without reading any answer, for as long as the server takes it.
async fn ask_without_reading(to: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let many = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    while let Ok(Ok(())) = timeout(Duration::from_secs(1), stream.write_all(&many)).await {}
    stream
}

/// Asks over HTTP/2, with no room for any answer, and keeps the connection alive.
async fn ask_without_room(to: SocketAddr) -> tokio::task::JoinHandle<Result<(), h2::Error>> {
    let stream = TcpStream::connect(to).await.unwrap();
    let connection = h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(stream);
    let (client, connection) = connection.await.unwrap();
    let driven = tokio::spawn(connection);
    let request = http::Request::get(format!("http://{to}/health")).body(()).unwrap();
    let (answer, _) = client.ready().await.unwrap().send_request(request, true).unwrap();
    let mut answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    tokio::spawn(async move {
        let _ = answer.body_mut().data().await;
    });
    driven
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_its_answers_loses_its_connection() {
    let servers = combinations().into_iter().map(|(adapter, kind)| async move {
        let who = format!("{}/{kind:?}", adapter.name);
        let server = start(adapter, kind);
        // Its workers are still on their way when it says that it serves.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = server.descriptors();
        let silent = ask_without_reading(server.address).await;
        // axum's and poem's own listeners do not show what becomes of a stream of HTTP/2.
        let sees_streams = kind == ServerKind::Hyper || adapter.name == "actix";
        let without_room = if sees_streams { Some(ask_without_room(server.address).await) } else { None };
        let began = Instant::now();
        assert!(server.descriptors() > before, "{who}: there is no connection");
        if let Some(driven) = without_room {
            let ended = timeout(READ_TIMEOUT * 2, driven).await;
            assert!(ended.is_ok(), "{who}: the connection without room stays");
            println!("{who}: without room ended after {:?}", began.elapsed());
        }
        // The kernel takes some bytes for a client that does not read, each time it probes whether it does again; the
        // probes come ever more seldom.
        while server.descriptors() > before {
            assert!(began.elapsed() < READ_TIMEOUT * 5, "{who}: the connection stays");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        println!("{who}: ended after {:?}", began.elapsed());
        drop(silent);
    });
    join_all(servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_s_address_is_for_the_model_and_never_fetched_by_us() {
    let image = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/latest/meta-data/", image.local_addr().unwrap());
    let fake = FakeGemini::builder().lenient().start().await;
    for (adapter, kind) in combinations() {
        let environment = [("GEMINI_API_KEY", "key".to_owned()), ("GEMINI_BASE_URL", fake.url())];
        let server = Process::start(adapter.name, kind, &environment);
        let client = reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap();
        let call = client.post(format!("http://{}/describe-image", server.address));
        let reply = call.json(&serde_json::json!({"image_url": address})).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{}/{kind:?}", adapter.name);
    }
    let asked = fake.request(0).body.to_string();
    assert!(asked.contains(&address), "the model is told: {asked}");
    let fetched = timeout(Duration::from_millis(200), image.accept()).await;
    assert!(fetched.is_err(), "somebody fetched it: {fetched:?}");
}
