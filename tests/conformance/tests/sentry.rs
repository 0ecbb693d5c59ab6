//! What Sentry is told, by the real program: one event for each panic and for each request that the server failed, none for a
//! client's mistake, and no secret.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use conformance::PANIC;
use conformance::routes::COMPILED_IN;
use fake_gemini::{FakeGemini, Fault, Matcher, Reply};
use harness::Process;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// SHA-256 of "hunter2-api-key".
const HASH: &str = "cbb0e4cae71c7e4ad0b8e6c5a0a5ac4bd5ad8a94f09e0ee9d2b1ca20f7ad9cd1";

/// What must be in no event: a header, a query, an input, a setting.
const SECRETS: [&str; 5] =
    ["hunter2-header", "hunter2-query", "hunter2-body", "hunter2-setting", "hunter2-model"];

/// A server that takes envelopes and keeps them.
struct Sink {
    dsn: String,
    envelopes: Arc<Mutex<Vec<String>>>,
    taking: JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.taking.abort();
    }
}

impl Sink {
    /// One that answers, or never does.
    async fn start(answers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dsn = format!("http://public@{}/42", listener.local_addr().unwrap());
        let envelopes = Arc::<Mutex<Vec<String>>>::default();
        let kept = envelopes.clone();
        let taking = tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let stream = listener.accept().await.unwrap().0;
                if answers {
                    tokio::spawn(take(stream, kept.clone()));
                } else {
                    silent.push(stream);
                }
            }
        });
        Self { dsn, envelopes, taking }
    }

    /// All events so far.
    fn events(&self) -> Vec<Value> {
        self.envelopes.lock().unwrap().iter().map(|it| event(it)).collect()
    }

    /// These many events, and then no more for a moment.
    async fn wait_for(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.events().len() < count {
            assert!(Instant::now() < deadline, "{count} events do not come: {:#?}", self.events());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let events = self.events();
        assert_eq!(events.len(), count, "{events:#?}");
        events
    }
}

/// An envelope is lines of JSON: its header, and for each item a header and a payload.
fn event(envelope: &str) -> Value {
    let lines: Vec<Value> = envelope.lines().map(|it| serde_json::from_str(it).expect(it)).collect();
    let [header, item, event] = &lines[..] else { panic!("it is more than one event: {envelope}") };
    assert_eq!(item["type"], "event", "{envelope}");
    assert_eq!(item["length"], envelope.lines().nth(2).unwrap().len(), "{envelope}");
    assert!(header["event_id"].is_string(), "{envelope}");
    event.clone()
}

async fn take(mut stream: TcpStream, kept: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("post /api/42/envelope/ http/1.1"), "{head}");
        assert!(head.contains("sentry_key=public"), "{head}");
        let length = head.lines().find_map(|it| it.strip_prefix("content-length: ")).unwrap();
        let length: usize = length.parse().unwrap();
        while bytes.len() < end + length {
            stream.read_buf(&mut bytes).await.unwrap();
        }
        kept.lock().unwrap().push(String::from_utf8(bytes[end..end + length].to_vec()).unwrap());
        bytes.drain(..end + length);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    }
}

fn start(framework: &str, fake: &FakeGemini, sink: &Sink, more: &[(&str, &str)]) -> Process {
    let url = fake.url();
    let mut environment = vec![
        ("GEMINI_API_KEY", "hunter2-setting"),
        ("GEMINI_BASE_URL", &url),
        ("CB_ENABLED", "false"),
        ("SENTRY_DSN", &sink.dsn),
        ("SENTRY_ENVIRONMENT", "test"),
    ];
    environment.extend(more);
    let program = Path::new(env!("CARGO_BIN_EXE_test-server"));
    Process::start(program, &["--framework", framework], &environment)
}

async fn fake() -> FakeGemini {
    let fake = FakeGemini::builder().lenient().start().await;
    fake.on(Matcher::prompt("broken"), Fault::unavailable());
    fake.on(Matcher::prompt(PANIC), Reply::chunks(["hunter2-model", "b"]));
    fake
}

async fn status(request: RequestBuilder) -> (u16, String) {
    let response = request.header("x-secret", "hunter2-header").send().await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let status = response.status().as_u16();
    let _ = response.bytes().await;
    (status, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_one_event_a_failure_is_one_and_a_clients_mistake_is_none() {
    for adapter in COMPILED_IN {
        let framework = adapter.name;
        let (fake, sink) = (fake().await, Sink::start(true).await);
        let mut server = start(framework, &fake, &sink, &[("RATE_LIMIT_DEFAULT", "7/hour")]);
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
        let url = |path: &str| format!("http://{}{path}", server.address);
        let post = |path: &str, body: Value| {
            let request =
                client.post(url(path) + "?q=hunter2-query").header("authorization", "Bearer hunter2-header");
            status(request.json(&body))
        };
        let about = |what: &str| json!({"name": format!("{what} hunter2-body")});

        // A client's mistakes, and what is as it should be.
        assert_eq!(post("/write-note", json!("hunter2-body")).await.0, 422);
        assert_eq!(status(client.post(url("/write-note")).body("hunter2-body")).await.0, 415);
        assert_eq!(post("/hunter2-query", about("a")).await.0, 404);
        assert_eq!(post("/write-note", about("a")).await.0, 200);
        let (code, panicked) = post("/write-note", about(PANIC)).await;
        assert_eq!(code, 500);
        let (code, failed) = post("/write-note", about("broken")).await;
        assert_eq!(code, 502);
        // A stream whose answer has begun.
        let (code, streamed) = post("/write-note/stream", about(PANIC)).await;
        assert_eq!(code, 200);
        assert_eq!(post("/write-note", about("a")).await.0, 429);
        sink.wait_for(3).await;
        server.signal("TERM");
        assert_eq!(server.wait(Duration::from_secs(10)).await, Some(0));

        let events = sink.wait_for(3).await;
        let of = |id: &str| {
            let mut found = events.iter().filter(|it| it["tags"]["request_id"] == id);
            let event = found.next().unwrap_or_else(|| panic!("{id} is in none of {events:#?}")).clone();
            assert!(found.next().is_none(), "{id} is in two of {events:#?}");
            event
        };
        for (id, route, status) in [
            (&panicked, "/write-note", "500"),
            (&failed, "/write-note", "502"),
            (&streamed, "/write-note/stream", "200"),
        ] {
            let event = of(id);
            assert_eq!(event["transaction"], format!("POST {route}"), "{event:#}");
            let tags = json!({
                "request_id": id, "method": "POST", "route": route, "status": status, "framework": framework,
            });
            assert_eq!(event["tags"], tags, "{event:#}");
            assert_eq!(event["environment"], "test");
            assert_eq!(event["release"], "genkit-endpoints@0.1.0");
            for absent in ["server_name", "user", "request", "breadcrumbs", "extra", "modules"] {
                assert_eq!(event.get(absent), None, "{absent}: {event:#}");
            }
        }
        for id in [&panicked, &streamed] {
            let event = of(id);
            let exception = &event["exception"]["values"][0];
            assert_eq!(exception["type"], "panic", "{event:#}");
            let value = exception["value"].as_str().unwrap();
            assert!(value.contains("flows.rs:") && !value.contains("on purpose"), "{value}");
        }
        assert_eq!(of(&failed).get("exception"), None);
        let everything = sink.envelopes.lock().unwrap().concat();
        for secret in SECRETS {
            assert!(!everything.contains(secret), "{secret} is told");
        }
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_procedure_is_told_of_as_a_route_is() {
    use conformance::proto::NoteRequest;
    use conformance::proto::test_flows_client::TestFlowsClient;
    use tonic::Code;

    let (fake, sink) = (fake().await, Sink::start(true).await);
    let server = start(COMPILED_IN[0].name, &fake, &sink, &[]);
    let address = format!("http://{}", server.grpc());
    let channel = tonic::transport::Channel::from_shared(address).unwrap().connect().await.unwrap();
    let mut client = TestFlowsClient::new(channel);
    let about = |name: &str| NoteRequest { name: name.to_owned(), ..NoteRequest::default() };
    let long = "a".repeat(10_000);
    for (name, code) in [
        (PANIC, Code::Internal),
        ("broken", Code::Unavailable),
        (&long, Code::InvalidArgument),
        ("a", Code::Ok),
    ] {
        let outcome = client.write_note(about(name)).await;
        assert_eq!(outcome.map_or_else(|status| status.code(), |_| Code::Ok), code, "{name}");
    }
    let mut statuses: Vec<_> = sink.wait_for(2).await.iter().map(|it| it["tags"]["status"].clone()).collect();
    statuses.sort_by_key(Value::to_string);
    assert_eq!(statuses, ["INTERNAL", "UNAVAILABLE"]);
    assert!(sink.events().iter().all(|it| it["transaction"].as_str().unwrap().ends_with("/WriteNote")));
}

// eject: end
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_that_fail_and_refusals_of_who_is_not_let_in_are_none() {
    let (fake, sink) = (fake().await, Sink::start(true).await);
    // No model is configured: the server is not ready.
    let program = Path::new(env!("CARGO_BIN_EXE_test-server"));
    let mut server = Process::start(program, &[], &[("SENTRY_DSN", &*sink.dsn), ("API_KEYS", HASH)]);
    drop(fake);
    let client = Client::builder().no_proxy().build().unwrap();
    let url = |path: &str| format!("http://{}{path}", server.address);
    assert_eq!(status(client.get(url("/ready"))).await.0, 503);
    assert_eq!(status(client.post(url("/write-note")).json(&json!({}))).await.0, 401);
    server.signal("TERM");
    assert_eq!(server.wait(Duration::from_secs(10)).await, Some(0));
    assert_eq!(sink.events(), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_at_the_end_comes_and_a_sentry_that_is_silent_costs_a_second() {
    for answers in [true, false] {
        let (fake, sink) = (fake().await, Sink::start(answers).await);
        let mut server = start(COMPILED_IN[0].name, &fake, &sink, &[("RATE_LIMIT_DEFAULT", "1000/second")]);
        let client = Client::builder().no_proxy().build().unwrap();
        // More than the queue holds.
        for _ in 0..100 {
            let request = client.post(format!("http://{}/write-note", server.address));
            let began = Instant::now();
            assert_eq!(status(request.json(&json!({"name": PANIC}))).await.0, 500);
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        }
        server.signal("TERM");
        let began = Instant::now();
        assert_eq!(server.wait(Duration::from_secs(10)).await, Some(0));
        let limit = Duration::from_millis(if answers { 1500 } else { 2500 });
        assert!(began.elapsed() < limit, "{:?}", began.elapsed());
        if answers {
            assert_eq!(sink.events().len(), 100);
        }
    }
}

#[test]
fn a_bad_address_is_named_at_the_start_and_not_shown() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_test-server"))
        .env_clear()
        .env("SENTRY_DSN", "https://hunter2-setting/1")
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("SENTRY_DSN"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
