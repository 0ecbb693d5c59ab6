//! HTTP/1.1 as clients and proxies depend on it, where frameworks answer in words of their own: what matters here is the
//! status and what becomes of the connection.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::net::SocketAddr;
use std::time::Duration;

use conformance::Server;
use conformance::routes::combinations;
use flow_listener::ServerKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// More than is read after an answer, but not more than a body may have.
const LONG: usize = 100_000;
const SHORT: usize = 20_000;

/// What a client sees of an early answer.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    says_close: bool,
    /// Whether the next request on the connection is answered.
    goes_on: bool,
}

/// One whole answer with a `content-length`, or nothing at the end of the connection.
async fn answer(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|it| it.lines().next());
            if body.len() >= length.map_or(0, |it| it.trim().parse().unwrap()) {
                return Some(head.to_owned());
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(1..) => {}
            _ => return None,
        }
    }
}

/// Sends a head and a body, and a second request behind them once the answer is there.
///
/// A proxy that is not told would send another client's request into a connection that is about to end.
async fn call(to: SocketAddr, head: &str, body: &[u8], second: &str) -> Seen {
    let exchange = async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(format!("{head}\r\nhost: {to}\r\n\r\n").as_bytes()).await.unwrap();
        // The server may have closed by then, which the answer tells.
        let _ = stream.write_all(body).await;
        let first = answer(&mut stream).await.expect("an answer");
        let _ = stream.write_all(format!("{second}\r\nhost: {to}\r\n\r\n").as_bytes()).await;
        let says_close = first.contains("connection: close");
        Seen {
            status: first[9..12].parse().unwrap(),
            says_close,
            goes_on: answer(&mut stream).await.is_some(),
        }
    };
    timeout(PATIENCE, exchange).await.expect("an end within 10 s")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_says_whether_its_connection_goes_on() {
    for (adapter, kind) in combinations() {
        let open = Server::rest(adapter, kind, &[("RATE_LIMIT_DEFAULT", "1000000/second")]);
        let keys = Server::rest(adapter, kind, &[("API_KEYS", "0".repeat(64))]);
        let json = "content-type: application/json";
        let length = |it: usize| format!("content-length: {it}");
        let cases = [
            (&open, "POST /nope", json.to_owned(), 404),
            (&open, "PUT /write-note", json.to_owned(), 405),
            (&open, "POST /write-note", "content-type: text/plain".to_owned(), 415),
            (&open, "POST /write-note", format!("{json}\r\ncontent-encoding: gzip"), 415),
            (&keys, "POST /write-note", json.to_owned(), 401),
        ];
        for (server, line, headers, status) in cases {
            for size in [2, SHORT, LONG] {
                let who = format!("{}/{kind:?} {line} {headers} {size}", adapter.name);
                let head = format!("{line} HTTP/1.1\r\n{headers}\r\n{}", length(size));
                let seen = call(server.address, &head, &vec![b' '; size], "GET /health HTTP/1.1").await;
                assert_eq!(seen.status, status, "{who}");
                assert_ne!(seen.says_close, seen.goes_on, "{who}: {seen:?}");
                let may_close = size == LONG || kind == ServerKind::Native;
                assert!(may_close || seen.goes_on, "{who}: a short body ends no connection");
            }
            if headers.contains("text/plain") {
                // The body is read before its form is judged.
                continue;
            }
            // The rest never comes.
            let head = format!("{line} HTTP/1.1\r\n{headers}\r\n{}", length(SHORT));
            let seen = call(server.address, &head, b" ", "").await;
            let expected = Seen { status, says_close: true, goes_on: false };
            assert_eq!(seen, expected, "{}/{kind:?} {line}", adapter.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_not_clear_is_refused() {
    for (adapter, kind) in combinations() {
        let server = Server::rest(adapter, kind, &[("RATE_LIMIT_DEFAULT", "1000000/second")]);
        for (head, statuses) in [
            ("GET /health HTTP/1.1\r\nconnection: close", [400, 400]),
            ("GET /health HTTP/1.1\r\nhost: a\r\nhost: b", [400, 400]),
            ("POST /write-note HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 3", [400, 400]),
            ("POST /write-note HTTP/1.1\r\nhost: a\r\ncontent-length: -1", [400, 400]),
            // A parser that does not know the method's characters answers by itself.
            ("A#B /write-note HTTP/1.1\r\nhost: a\r\nconnection: close", [405, 400]),
        ] {
            let exchange = async {
                let mut stream = TcpStream::connect(server.address).await.unwrap();
                stream.write_all(format!("{head}\r\n\r\n").as_bytes()).await.unwrap();
                answer(&mut stream).await.expect("an answer")
            };
            let answer = timeout(PATIENCE, exchange).await.expect("an answer within 10 s");
            let status: u16 = answer[9..12].parse().unwrap();
            assert!(statuses.contains(&status), "{}/{kind:?} {head:?}: {answer}", adapter.name);
        }
    }
}

/// No protocol is changed to, so the request is what it is without the header (RFC 9110 §7.8).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_to_change_the_protocol_is_answered_as_any_other() {
    for (adapter, kind) in combinations() {
        let server = Server::rest(adapter, kind, &[("MODEL", "demo")]);
        let mut statuses = Vec::new();
        for more in ["", "connection: upgrade\r\nupgrade: websocket\r\n"] {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            let head = format!("POST /write-note HTTP/1.1\r\nhost: x\r\n{more}\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let answer = timeout(PATIENCE, answer(&mut stream)).await.expect("an answer in time");
            statuses.push(answer.unwrap().lines().next().unwrap().to_owned());
        }
        assert_eq!(statuses[0], statuses[1], "{}/{}", adapter.name, kind.as_str());
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_to_grpc_web_says_so_too() {
    let (adapter, _) = combinations()[0];
    let server = Server::start(adapter, &[("API_KEYS", &*"0".repeat(64))]);
    let to = server.grpc.expect("gRPC is on");
    for (kind, status) in [("application/grpc-web+proto", 200), ("text/plain", 401)] {
        for size in [SHORT, LONG] {
            let head = format!(
                "POST /test.flows.v1.TestFlows/WriteNote HTTP/1.1\r\ncontent-type: {kind}\r\ncontent-length: {size}"
            );
            let seen = call(to, &head, &vec![0; size], "OPTIONS /x HTTP/1.1").await;
            assert_eq!(seen.status, status, "{kind} {size}");
            assert_ne!(seen.says_close, seen.goes_on, "{kind} {size}: {seen:?}");
        }
    }
}
// eject: end
