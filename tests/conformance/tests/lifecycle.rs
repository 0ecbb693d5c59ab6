//! Clients that leave, and servers that are told to: on every compiled adapter, on both listeners.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use conformance::Server;
use conformance::api::TestFlows;
use conformance::routes::combinations;
use fake_gemini::{FakeGemini, Matcher, Reply};
use flow_edge::limits::READ_TIMEOUT;
use flow_listener::Adapter;
use flow_listener::ServerKind;
use futures_util::StreamExt;
use futures_util::future::join_all;
use harness::Process;
use tokio::io::AsyncWriteExt;

/// `docs/contract.md`, "A client that leaves": within a second of the client's leaving, its model call is gone.
const LEAVING: Duration = Duration::from_secs(1);

async fn silent_model() -> FakeGemini {
    let fake = FakeGemini::builder().lenient().start().await;
    fake.on(Matcher::prompt("goes silent"), Reply::chunks(["a", "b"]).silent_after(1));
    fake.otherwise(Reply::silence());
    fake
}

fn environment(fake: &FakeGemini) -> Vec<(&'static str, String)> {
    vec![
        ("GEMINI_API_KEY", "key".to_owned()),
        ("GEMINI_BASE_URL", fake.url()),
        ("WEB_CONCURRENCY", "1".to_owned()),
        ("SHUTDOWN_GRACE", GRACE.as_secs().to_string()),
        ("RATE_LIMIT_DEFAULT", "1000000/second".to_owned()),
    ]
}

fn start(adapter: Adapter<dyn TestFlows>, kind: ServerKind, fake: &FakeGemini) -> Process {
    let arguments = ["--framework", adapter.name, "--server", kind.as_str()];
    Process::start(Path::new(env!("CARGO_BIN_EXE_test-server")), &arguments, &environment(fake))
}

/// What the client is doing when it leaves.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    /// Waiting for a whole answer.
    Call,
    /// Waiting for a stream to begin.
    StreamBeforeItBegins,
    /// Waiting for the next chunk of a stream.
    Stream,
}

/// How it speaks, and how it goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// HTTP/1.1: the connection closes.
    Http1,
    /// h2c: the connection closes.
    H2Close,
    /// h2c: the request is reset, the connection stays.
    H2Reset,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_takes_its_model_call_with_it() {
    for (adapter, kind) in combinations() {
        let fake = silent_model().await;
        let server = Server::rest(adapter, kind, &environment(&fake));
        for way in [Way::Http1, Way::H2Close, Way::H2Reset] {
            for leaving in [Leaving::Call, Leaving::StreamBeforeItBegins, Leaving::Stream] {
                let nth = fake.stats().received;
                let who = format!("{}/{kind:?} {way:?} {leaving:?}", adapter.name);
                let client = leave(server.address, way, leaving).await;
                let request = fake.wait_request(nth, LEAVING).await;
                let left = Instant::now();
                assert!(request.wait_dropped(LEAVING).await.is_some(), "{who}: the model call goes on");
                println!("{who}: dropped after {:?}", left.elapsed());
                // Until here, so that a reset leaves its connection open.
                drop(client);
            }
        }
        fake.wait_until(|it| it.active == 0, LEAVING).await.unwrap();
    }
}

/// A stream whose client does not read must not hold its model call: it would hold one of `HTTP_POOL_MAX`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_loses_its_model_call() {
    let fakes = combinations().into_iter().map(|(adapter, kind)| async move {
        let fake = FakeGemini::builder().lenient().start().await;
        // More than the kernel's buffers and ours hold, and no end. Large ones: on loopback the kernel still takes
        // 64 KiB now and then, when it probes whether the client reads again, and that must not be a whole chunk.
        let chunks = std::iter::repeat_n("x".repeat(512 * 1024), 200);
        fake.otherwise(Reply::chunks(chunks).chunk_delay(Duration::from_millis(1)));
        let server = Server::rest(adapter, kind, &environment(&fake));
        // A small buffer, which does not grow: filling megabytes takes a busy machine long.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let mut client = socket.connect(server.address).await.unwrap();
        let request = "POST /write-note/stream HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                       content-length: 2\r\n\r\n{}";
        client.write_all(request.as_bytes()).await.unwrap();
        let call = fake.wait_request(0, LEAVING).await;
        let asked = Instant::now();
        let dropped = call.wait_dropped(2 * READ_TIMEOUT).await;
        println!("{}/{kind:?}: dropped after {:?}", adapter.name, asked.elapsed());
        assert!(dropped.is_some(), "{}/{kind:?}: the model call goes on", adapter.name);
        drop(client);
    });
    join_all(fakes).await;
}

/// Sends a request, waits half a second and leaves.
async fn leave(to: SocketAddr, way: Way, leaving: Leaving) -> Option<reqwest::Client> {
    let builder = reqwest::Client::builder().no_proxy();
    let client = match way {
        Way::Http1 => builder.http1_only(),
        Way::H2Close | Way::H2Reset => builder.http2_prior_knowledge(),
    };
    let client = client.build().unwrap();
    let (path, body) = match leaving {
        Leaving::Call => ("/write-note", r#"{"name":"silence"}"#),
        Leaving::StreamBeforeItBegins => ("/write-note/stream", r#"{"name":"silence"}"#),
        Leaving::Stream => ("/write-note/stream", r#"{"name":"someone who goes silent"}"#),
    };
    let request =
        client.post(format!("http://{to}{path}")).header("content-type", "application/json").body(body);
    let _ = tokio::time::timeout(Duration::from_millis(500), async {
        let mut body = request.send().await.unwrap().bytes_stream();
        while body.next().await.is_some() {}
    })
    .await;
    matches!(way, Way::H2Reset).then_some(client)
}

/// The grace given to the servers below.
const GRACE: Duration = Duration::from_secs(3);

const STREAMS: usize = 50;
const CALLS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_end_a_server_finishes_calls_ends_streams_and_exits_in_time() {
    for (adapter, kind) in combinations() {
        let fake = FakeGemini::builder().lenient().start().await;
        fake.on(
            Matcher::prompt("Mittens"),
            Reply::chunks(["word "; 600]).chunk_delay(Duration::from_millis(100)),
        );
        fake.otherwise(Reply::text("Arrr.").header_delay(GRACE / 2));
        let mut process = start(adapter, kind, &fake);
        let who = format!("{}/{kind:?}", adapter.name);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = |path: &str| format!("http://{}{path}", process.address);
        let post = |path: &str, body: &'static str| {
            client.post(url(path)).header("content-type", "application/json").body(body)
        };
        let call = || post("/write-note", r#"{"name":"a call"}"#);

        let streams: Vec<_> = (0..STREAMS).map(|_| post("/write-note/stream", "{}").send()).collect();
        let streams = join_all(streams).await.into_iter().map(Result::unwrap);
        let streams = streams.map(|it| tokio::spawn(it.text())).collect::<Vec<_>>();
        let calls = (0..CALLS).map(|_| tokio::spawn(call().send())).collect::<Vec<_>>();
        let all = fake.wait_until(|it| it.received == STREAMS + CALLS, Duration::from_secs(5)).await;
        assert!(all.is_ok(), "{who}: not all calls reached the model: {all:?}");

        let told = Instant::now();
        process.signal("TERM");
        let refused = loop {
            let response = call().send().await.unwrap();
            if response.status() == 503 || told.elapsed() > GRACE {
                break response;
            }
        };
        assert_eq!(refused.status(), 503, "{who}: new work is refused");
        assert!(refused.headers().contains_key("retry-after"), "{who}");
        assert_eq!(client.get(url("/ready")).send().await.unwrap().status(), 503, "{who}: not ready");
        assert_eq!(client.get(url("/health")).send().await.unwrap().status(), 200, "{who}: alive");

        for call in calls {
            assert_eq!(call.await.unwrap().unwrap().status(), 200, "{who}: calls finish");
        }
        for stream in streams {
            let text = stream.await.unwrap().unwrap_or_else(|error| panic!("{who}: a cut stream: {error:?}"));
            let frames: Vec<_> = text.trim_end().split("\n\n").collect();
            let (last, before) = frames.split_last().unwrap();
            assert!(
                last.contains(r#"{"error":"#) && last.contains(r#""status":503"#),
                "{who}: ends with {last}"
            );
            assert!(
                before.len() > 5 && before.iter().all(|it| it.starts_with(r#"data: {"chunk":"#)),
                "{who}"
            );
        }
        let status = process.wait(GRACE + Duration::from_secs(3)).await;
        println!("{who}: exited with {status:?} after {:?}", told.elapsed());
        assert!(told.elapsed() < GRACE + Duration::from_secs(1), "{who}: took {:?}", told.elapsed());
        assert_eq!(status, Some(0), "{who}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_server_exits_at_once_and_a_second_signal_does_not_wait() {
    for (adapter, kind) in combinations() {
        let fake = silent_model().await;
        let who = format!("{}/{kind:?}", adapter.name);
        let told = Instant::now();
        let mut idle = start(adapter, kind, &fake);
        // An idle connection that stays open must not hold the server.
        let idle_connection = tokio::net::TcpStream::connect(idle.address).await.unwrap();
        idle.signal("INT");
        assert_eq!(idle.wait(GRACE).await, Some(0), "{who}");
        assert!(told.elapsed() < GRACE, "{who}: took {:?}", told.elapsed());
        drop(idle_connection);

        let mut busy = start(adapter, kind, &fake);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}/write-note", busy.address);
        let call = client.post(url).header("content-type", "application/json").body("{}").send();
        let call = tokio::spawn(call);
        fake.wait_until(|it| it.active == 1, Duration::from_secs(5)).await.unwrap();
        let told = Instant::now();
        busy.signal("TERM");
        tokio::time::sleep(Duration::from_millis(200)).await;
        busy.signal("TERM");
        assert_eq!(busy.wait(GRACE).await, Some(130), "{who}");
        assert!(told.elapsed() < GRACE / 2, "{who}: took {:?}", told.elapsed());
        assert!(call.await.unwrap().is_err());
    }
}
