//! Model servers whose answers do not end, or are far larger than they look: refused inside a bound, while others are
//! answered and the server can be told to end.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use checks::Combination;
use futures_util::future::join_all;
use harness::Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::floods::under_attack;
use crate::{MIB, start_with};

/// How many calls are under way at once.
const CALLS: usize = 4;

/// What the calls may cost together, in KiB: a call at most twice its 16 MiB, and what an allocator keeps.
const MEMORY: u64 = 300 * 1024;

/// How long a refusal may take: a debug build reads some megabytes a second.
const REFUSED: Duration = Duration::from_mins(1);

/// A provider's prefix, the variable with its address, and the data of an event with text.
const WIRES: [(&str, &str, &str); 3] = [
    ("googleai", "GEMINI_BASE_URL", r#"{"candidates":[{"content":{"parts":[{"text":"more "}]}}]}"#),
    ("openai", "OPENAI_BASE_URL", r#"{"choices":[{"index":0,"delta":{"content":"more "}}]}"#),
    (
        "anthropic",
        "ANTHROPIC_BASE_URL",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"more "}}"#,
    ),
];

/// An answer: its head, how it begins, and what is sent again and again after that.
struct Endless {
    name: &'static str,
    route: &'static str,
    head: &'static str,
    begin: Vec<u8>,
    again: Vec<u8>,
    /// Whether it ends after one repetition.
    ends: bool,
}

fn endless(event: &str) -> Vec<Endless> {
    let events = format!("data: {event}\n\n").repeat(200).into_bytes();
    let bomb = |text: &[u8]| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..200 {
            packed.write_all(&text.repeat(MIB / text.len())).unwrap();
        }
        packed.finish().unwrap()
    };
    let answer = |name, route, head, begin: &[u8], again, ends| Endless {
        name,
        route,
        head,
        begin: begin.to_vec(),
        again,
        ends,
    };
    let (json, sse) = ("content-type: application/json", "content-type: text/event-stream");
    let (packed_json, packed_sse) = (
        "content-type: application/json\r\ncontent-encoding: gzip",
        "content-type: text/event-stream\r\ncontent-encoding: gzip",
    );
    vec![
        answer("a body without end", "/tell-joke", json, br#"{"x":""#, vec![b'x'; 64 * 1024], false),
        answer("a line without end", "/tell-joke/stream", sse, b"data: ", vec![b'x'; 64 * 1024], false),
        answer("events without end", "/tell-joke/stream", sse, b"", events, false),
        answer("comments without end", "/tell-joke/stream", sse, b"", b": x\n".repeat(16 * 1024), false),
        answer("a body of 200 MiB in 200 kB", "/tell-joke", packed_json, b"", bomb(b"[[[[[[["), true),
        answer("a line of 200 MiB in 200 kB", "/tell-joke/stream", packed_sse, b"", bomb(b"data: xx"), true),
    ]
}

/// A model server that answers so. Dropped, it is gone.
async fn serve(answer: Arc<Endless>) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(send(stream, answer.clone()));
        }
    });
    (origin, serving)
}

async fn send(mut stream: TcpStream, answer: Arc<Endless>) {
    let asked = stream.read(&mut [0; 16 * 1024]).await;
    let head = format!("HTTP/1.1 200 OK\r\n{}\r\nconnection: close\r\n\r\n", answer.head);
    let mut sent = asked.is_ok()
        && stream.write_all(head.as_bytes()).await.is_ok()
        && stream.write_all(&answer.begin).await.is_ok();
    while sent {
        sent = stream.write_all(&answer.again).await.is_ok() && !answer.ends;
    }
}

/// The status, or that of the last frame.
async fn ask(server: &Process, route: &str) -> (u16, Duration) {
    let began = Instant::now();
    let client = reqwest::Client::builder().no_proxy().timeout(REFUSED).build().unwrap();
    let reply = client.post(format!("http://{}{route}", server.address)).json(&serde_json::json!({}));
    let reply = reply.send().await.unwrap();
    let status = reply.status().as_u16();
    let body = reply.text().await.unwrap();
    let last = body.lines().rev().find_map(|it| it.strip_prefix("data:"));
    let problem: serde_json::Value = last.and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
    let status = problem["error"]["status"].as_u64().map_or(status, |it| u16::try_from(it).unwrap());
    (status, began.elapsed())
}

async fn attack(combination: Combination, wire: (&str, &str, &str)) {
    let (provider, variable, event) = wire;
    for answer in endless(event) {
        let name = format!("{provider}: {}", answer.name);
        let route = answer.route;
        let (origin, _serving) = serve(Arc::new(answer)).await;
        let model = format!("{provider}/some-model");
        let settings = [
            ("MODEL", &*model),
            (variable, &*origin),
            ("CB_ENABLED", "false"),
            ("SHUTDOWN_GRACE", "1"),
            ("REQUEST_TIMEOUT", "60"),
        ];
        let mut server = start_with(combination, &settings);
        let calls = join_all((0..CALLS).map(|_| ask(&server, route)));
        let (grown, answers) = under_attack(&name, combination, &server, calls).await;
        for (status, after) in answers {
            assert_eq!(status, 502, "{combination}: {name}: after {after:?}");
        }
        assert!(grown <= MEMORY, "{combination}: {name}: {grown} KiB");
        // While such answers come in the server can still be told to end.
        let asking = async {
            let _: Option<()> = ask_briefly(&server, route).await;
        };
        tokio::join!(asking, async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            server.signal("TERM");
        });
        let code = server.wait(Duration::from_secs(3)).await;
        assert_eq!(code, Some(0), "{combination}: {name}: after SIGTERM");
    }
}

/// Asks once more, and does not mind how that ends.
async fn ask_briefly(server: &Process, route: &str) -> Option<()> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build().unwrap();
    let reply = client.post(format!("http://{}{route}", server.address)).json(&serde_json::json!({}));
    reply.send().await.ok()?.text().await.ok()?;
    Some(())
}

/// Each combination with one of the wires.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_end_is_refused_inside_its_bound() {
    for (combination, wire) in Combination::all().zip(WIRES.iter().cycle()) {
        attack(combination, *wire).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; run by hand"]
async fn an_answer_without_end_over_every_wire() {
    for combination in Combination::all() {
        for wire in WIRES {
            attack(combination, wire).await;
        }
    }
}
