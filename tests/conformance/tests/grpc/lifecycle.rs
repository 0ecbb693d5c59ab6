//! Clients that leave, deadlines that pass, and servers that are told to end.

use std::path::Path;
use std::time::{Duration, Instant};

use conformance::proto::test_flows_client::TestFlowsClient;
use conformance::proto::{NoteRequest, TopicRequest};
use fake_gemini::{FakeGemini, Matcher, Reply};
use futures_util::future::join_all;
use harness::Process;
use tonic::{Code, Request};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_types::StatusExt;

use crate::leaks::KEY;
use crate::server::{PATIENCE, Server, about, channel, read};
use crate::wire::{call, field, frame};

/// `docs/contract.md`, "A client that leaves": within a second the model call is gone.
const LEAVING: Duration = Duration::from_secs(1);

fn start(environment: &[(&str, &str)]) -> Process {
    Process::start(Path::new(env!("CARGO_BIN_EXE_test-server")), &[], environment)
}

async fn silent_model() -> FakeGemini {
    let fake = FakeGemini::builder().lenient().start().await;
    fake.on(Matcher::prompt("goes silent"), Reply::chunks(["a", "b"]).silent_after(1));
    fake.otherwise(Reply::silence());
    fake
}

async fn assert_dropped(fake: &FakeGemini, nth: usize, who: &str) {
    let request = fake.wait_request(nth, PATIENCE).await;
    let since = Instant::now();
    assert!(request.wait_dropped(LEAVING).await.is_some(), "{who}: the model call goes on");
    println!("{who}: dropped after {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_call_takes_its_model_call_with_it() {
    let fake = silent_model().await;
    let server = Server::with(&fake, &[]);
    let mut client = server.client().await;
    let (after, name) = (Duration::from_millis(300), "someone who goes silent");

    // The connection stays; only the call is reset.
    let waiting = client.write_note(NoteRequest::default());
    assert!(tokio::time::timeout(after, waiting).await.is_err());
    assert_dropped(&fake, 0, "a call").await;

    let waiting = client.stream_sentences(TopicRequest::default());
    assert!(tokio::time::timeout(after, waiting).await.is_err());
    assert_dropped(&fake, 1, "a stream before it begins").await;

    let mut stream = client.write_note_stream(about(name)).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().text, "a");
    drop(stream);
    assert_dropped(&fake, 2, "a stream").await;

    // Now the connection goes, too.
    let waiting = client.write_note(NoteRequest::default());
    assert!(tokio::time::timeout(after, waiting).await.is_err());
    drop(client);
    assert_dropped(&fake, 3, "a connection").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_passes_ends_the_call_on_the_server_s_side() {
    let fake = silent_model().await;
    let server = Server::with(&fake, &[]);

    // This client says how long it waits, but waits on.
    let begun = Instant::now();
    let answer = call(server.grpc, "WriteNote", &[("grpc-timeout", "300m")], frame(&field(1, b"x"))).await;
    assert_eq!(answer.status(), Some(Code::DeadlineExceeded as i32), "{answer:?}");
    assert!(begun.elapsed() < LEAVING, "{:?}", begun.elapsed());
    assert_dropped(&fake, 0, "a call").await;

    // tonic's own clock stops at a stream's first message; what follows is the server's.
    let mut client = server.client().await;
    let mut request = Request::new(about("who goes silent"));
    request.set_timeout(Duration::from_millis(600));
    let begun = Instant::now();
    let (chunks, status) = read(client.write_note_stream(request).await, |it| it.text).await;
    assert_eq!((chunks.concat().as_str(), status.unwrap().code()), ("a", Code::DeadlineExceeded));
    assert!(begun.elapsed() < LEAVING + Duration::from_millis(600), "{:?}", begun.elapsed());
    assert_dropped(&fake, 1, "a stream").await;

    let answer = call(server.grpc, "StreamSentences", &[("grpc-timeout", "1n")], frame(&[])).await;
    assert_eq!(answer.status(), Some(Code::DeadlineExceeded as i32), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_arrive_as_the_model_makes_them() {
    let fake = FakeGemini::builder().lenient().start().await;
    fake.otherwise(
        Reply::chunks(["One. Two", ". Three", ". Four", ". Five"]).chunk_delay(Duration::from_millis(200)),
    );
    let server = Server::with(&fake, &[]);
    let mut client = server.client().await;
    let mut stream = client.stream_sentences(TopicRequest::default()).await.unwrap().into_inner();
    let mut times = Vec::new();
    while stream.message().await.unwrap().is_some() {
        times.push(Instant::now());
    }
    let gaps: Vec<_> = times.windows(2).map(|it| it[1] - it[0]).collect();
    println!("{gaps:?}");
    // The last sentence comes as soon as the model says that it is done.
    assert!(gaps.len() == 4 && gaps[..3].iter().all(|it| *it > Duration::from_millis(100)), "{gaps:?}");
}

/// The grace given to the server below.
const GRACE: Duration = Duration::from_secs(3);
const STREAMS: usize = 50;
const CALLS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_end_a_server_says_so_first_then_ends_streams_and_exits_in_time() {
    let fake = FakeGemini::builder().lenient().start().await;
    fake.on(
        Matcher::prompt("sentences"),
        Reply::chunks(["word. A "; 600]).chunk_delay(Duration::from_millis(100)),
    );
    fake.otherwise(Reply::text("Arrr.").header_delay(GRACE / 2));
    let (url, grace) = (fake.url(), GRACE.as_secs().to_string());
    let mut process = start(&[
        ("GEMINI_API_KEY", KEY),
        ("GEMINI_BASE_URL", &url),
        ("RATE_LIMIT_DEFAULT", "1000000/second"),
        ("SHUTDOWN_GRACE", &grace),
    ]);
    let channel = channel(process.grpc()).await;
    let client = TestFlowsClient::new(channel.clone());
    let mut health = HealthClient::new(channel);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);

    let streams = (0..STREAMS).map(|_| {
        let mut client = client.clone();
        tokio::spawn(async move {
            read(client.stream_sentences(TopicRequest::default()).await, |it| it.text).await
        })
    });
    let streams: Vec<_> = streams.collect();
    let calls = (0..CALLS).map(|_| {
        let mut client = client.clone();
        tokio::spawn(async move { client.write_note(NoteRequest::default()).await })
    });
    let calls: Vec<_> = calls.collect();
    let all = fake.wait_until(|it| it.received == STREAMS + CALLS, PATIENCE).await;
    assert!(all.is_ok(), "not all calls reached the model: {all:?}");
    tokio::time::sleep(Duration::from_millis(300)).await;

    let told = Instant::now();
    process.signal("TERM");
    let state = watch.message().await.unwrap().unwrap().status();
    println!("NOT_SERVING after {:?}", told.elapsed());
    assert_eq!(state, ServingStatus::NotServing);
    assert!(told.elapsed() < LEAVING && streams.iter().all(|it| !it.is_finished()), "before anything ends");
    let checked = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(checked.status(), ServingStatus::NotServing);
    let refused = client.clone().write_note(NoteRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "new work is refused");
    assert!(refused.get_details_retry_info().is_some());

    for call in calls {
        assert!(call.await.unwrap().is_ok(), "calls finish");
    }
    for (chunks, status) in join_all(streams).await.into_iter().map(Result::unwrap) {
        assert!(chunks.len() > 5, "{}", chunks.len());
        let status = status.expect("no text is over yet");
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "The server is shutting down."));
    }
    let exit = process.wait(GRACE + Duration::from_secs(3)).await;
    println!("exited with {exit:?} after {:?}", told.elapsed());
    assert!(told.elapsed() < GRACE + Duration::from_secs(1), "took {:?}", told.elapsed());
    assert_eq!(exit, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_server_ends_at_once_but_not_before_its_watchers_know() {
    // A race that is lost one time in seven is lost in ten runs.
    for _ in 0..10 {
        let mut process = start(&[("MODEL", "demo")]);
        let mut health = HealthClient::new(channel(process.grpc()).await);
        let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
        let idle = tokio::net::TcpStream::connect(process.grpc()).await.unwrap();
        let told = Instant::now();
        process.signal("TERM");
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert_eq!(process.wait(PATIENCE).await, Some(0));
        assert!(told.elapsed() < Duration::from_secs(2), "took {:?}", told.elapsed());
        drop(idle);
    }
}

/// Watching needs no key and is not counted as a call, so its number is bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_may_watch_a_hundred_times() {
    let process = start(&[("MODEL", "demo")]);
    let health = HealthClient::new(channel(process.grpc()).await);
    let watch = || {
        let mut health = health.clone();
        async move { health.watch(HealthCheckRequest::default()).await.map(tonic::Response::into_inner) }
    };
    let mut watching = Vec::new();
    for _ in 0..100 {
        watching.push(watch().await.unwrap());
    }
    assert_eq!(watch().await.unwrap_err().code(), Code::ResourceExhausted);
    watching.pop();
    tokio::time::timeout(PATIENCE, async {
        while watch().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("who leaves makes room");
}
