//! Connections on which nothing moves.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use checks::Combination;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::start_with;

/// How late an end may come on a busy machine.
const SLACK: Duration = Duration::from_secs(8);

const UNFINISHED: &[u8] = b"POST /tell-joke HTTP/1.1\r\nhost: x\r\n";
const WHOLE: &[u8] = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";

/// HTTP/2's preface, empty settings, and `GET /health` on the first stream.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x0e\x01\x05\0\0\0\x01\
\x82\x86\x04\x07/health\x01\x01x";

/// What a client does before it falls silent: it asks for an answer and reads it, and it begins something.
const CLIENTS: [(&str, bool, &[u8]); 5] = [
    ("says nothing", false, b""),
    ("begins a head", false, UNFINISHED),
    ("is answered", true, b""),
    ("is answered and begins a head", true, UNFINISHED),
    ("calls over HTTP/2 and answers no ping", false, HTTP2),
];

/// How long each is left its connection, with a keep-alive of two seconds and calls that may take one
/// (`docs/production.md`, "Limits of the listeners").
fn allowed(combination: Combination, client: &str) -> Duration {
    let is_strict = combination.listener == "hyper";
    let seconds = match (client, combination.framework) {
        // Two pings, twenty seconds apart.
        ("calls over HTTP/2 and answers no ping", "actix") => 40,
        ("calls over HTTP/2 and answers no ping", _) if is_strict => 40,
        ("is answered", "actix" | "poem") => 2,
        ("is answered", _) if is_strict => 2,
        _ if is_strict => 10,
        ("says nothing" | "begins a head", "actix") => 10,
        ("says nothing" | "is answered and begins a head", "poem") => 2,
        // The request's timeout and ten seconds.
        _ => 11,
    };
    Duration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_on_which_nothing_moves_is_ended() {
    let servers = Combination::all().map(|combination| async move {
        let server = start_with(combination, &[("KEEP_ALIVE_TIMEOUT", "2"), ("REQUEST_TIMEOUT", "1")]);
        let clients = CLIENTS.map(|(name, asks, begins)| {
            let address = server.address;
            async move { (name, until_the_end(address, asks, begins).await) }
        });
        for (name, took) in join_all(clients).await {
            println!("{combination}: a client that {name} is left after {took:.1?}");
            let allowed = allowed(combination, name);
            assert!(took <= allowed + SLACK, "{combination}: a client that {name} is left after {took:?}");
        }
    });
    join_all(servers).await;
}

async fn until_the_end(to: SocketAddr, asks: bool, begins: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(to).await.unwrap();
    if asks {
        stream.write_all(WHOLE).await.unwrap();
        let mut reply = Vec::new();
        while !reply.ends_with(b"{\"status\":\"ok\"}") {
            reply.push(stream.read_u8().await.unwrap());
        }
    }
    stream.write_all(begins).await.unwrap();
    let began = Instant::now();
    // What the server says meanwhile is read, and the end may be a reset.
    let _ = timeout(Duration::from_secs(60), stream.read_to_end(&mut Vec::new())).await;
    began.elapsed()
}
