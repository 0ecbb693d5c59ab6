//! Bodies without end, over HTTP/1.1 and HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use checks::Combination;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{MIB, SOON, answers, start};

const CHUNK: usize = 64 * 1024;
static BLANKS: [u8; CHUNK] = [b' '; CHUNK];

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_413_however_it_comes_and_costs_no_memory() {
    for combination in Combination::all() {
        let server = start(combination);
        assert!(answers(server.address).await, "{combination}");
        let before = server.peak_memory();
        let mut most = 0;
        for size in [2 * MIB, 1024 * MIB] {
            for length in [Length::Chunked, Length::True] {
                let (reply, sent) = send(server.address, length, size).await;
                assert!(reply.starts_with("HTTP/1.1 413 "), "{combination} {length:?} {size}: {reply}");
                assert!(
                    reply.contains("x-content-type-options: nosniff"),
                    "{combination} {length:?} {size}: {reply}"
                );
                most = most.max(sent);
            }
            // What was not declared is another request, and a bad one; what was declared is no JSON.
            let (reply, sent) = send(server.address, Length::Less, size).await;
            assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400 "), "{combination} {size}: {reply}");
            most = most.max(sent);
            let (status, taken) = send_h2(server.address, size).await;
            assert_eq!(status, Some(413), "{combination} h2 {size}");
            most = most.max(taken);
        }
        let grown = server.peak_memory().saturating_sub(before);
        println!("{combination}: of 1 GiB at most {} KiB were sent; memory grew by {grown} KiB", most / 1024);
        // What is under way in the kernel's buffers on both sides.
        assert!(most <= 32 * MIB, "{combination}: {most}");
        assert!(grown <= 16 * 1024, "{combination}: {grown} KiB");
        assert!(answers(server.address).await, "{combination}");
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
    for combination in Combination::all() {
        let server = start(combination);
        let replies = join_all((0..20).map(|_| send_slowly(server.address))).await;
        assert_eq!(replies, [Some(413); 20], "{combination}");
    }
}
