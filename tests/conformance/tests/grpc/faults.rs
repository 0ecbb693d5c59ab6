//! The error table: every fault has the class, the words and the details of its twin in REST.

use std::time::Duration;

use conformance::PANIC;
use conformance::proto::{FactsRequest, FormRequest, HealthRequest, MediaRequest, NoteRequest, TopicRequest};
use fake_gemini::{FakeGemini, Fault, Finish, Matcher, Reply};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::{Server, about, read};

/// Holds a status against the problem of the same fault.
fn assert_twins(case: &str, status: &Status, problem: &Value) {
    let details = status.get_error_details();
    let reason = &details.error_info().unwrap().reason;
    let kind = problem["type"].as_str().unwrap().rsplit(':').next().unwrap();
    assert_eq!(*reason, kind.to_uppercase().replace('-', "_"), "{case}");
    assert_eq!(problem["detail"], status.message(), "{case}");
    assert_eq!(details.request_info().unwrap().request_id.len(), 36, "{case}");
    let faults: Vec<_> = details
        .bad_request()
        .map(|it| &it.field_violations[..])
        .unwrap_or_default()
        .iter()
        .map(|it| json!({"pointer": format!("/{}", it.field), "detail": it.description}))
        .collect();
    assert_eq!(faults, problem["errors"].as_array().cloned().unwrap_or_default(), "{case}");
    let retry = details.retry_info().and_then(|it| it.retry_delay).map(|it| it.as_secs());
    assert_eq!(retry, problem["retry_after"].as_u64(), "{case}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_an_input_is_listed_as_in_rest() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let long = |count: usize| "ä".repeat(count + 1);
    let check = async |path: &str, body: Value, count: usize, status: Status| {
        let (http, problem) = server.post(path, &body).await;
        assert_eq!((http, status.code()), (422, Code::InvalidArgument), "{path}");
        assert_twins(path, &status, &problem);
        assert_eq!(status.get_details_bad_request().unwrap().field_violations.len(), count, "{path}");
    };

    let (name, username) = (long(200), long(200));
    let body = json!({"name": name, "username": username});
    let request = NoteRequest { name, username };
    check("/write-note", body.clone(), 2, client.write_note(request.clone()).await.unwrap_err()).await;
    check("/write-note/stream", body, 2, client.write_note_stream(request).await.unwrap_err()).await;

    let topic = long(1000);
    let body = json!({"topic": topic});
    check("/stream-sentences", body, 1, client.stream_sentences(TopicRequest { topic }).await.unwrap_err())
        .await;

    for (media_url, count) in
        [(format!("http://x/{}", long(2048)), 1), ("ftp://x".into(), 1), (long(2048), 2)]
    {
        let body = json!({"media_url": media_url});
        let status = client.caption_media(MediaRequest { media_url }).await.unwrap_err();
        check("/caption-media", body, count, status).await;
    }

    let (text, language) = (long(10_000), format!("no spaces {}", long(50)));
    let body = json!({"text": text, "language": language});
    let status = client.extract_facts(FactsRequest { text, language }).await.unwrap_err();
    check("/extract", body, 3, status).await;

    // What has no default is as it was sent.
    let status = client.fill_form(FormRequest::default()).await.unwrap_err();
    check("/fill-form", json!({"title": ""}), 1, status).await;
}

fn script(fake: &FakeGemini) {
    let on = |text: &str, reply: Reply| fake.on(Matcher::prompt(text), reply);
    on("fault-400", Fault::invalid_argument("no").into());
    on("fault-401", Fault::unauthenticated().into());
    on("fault-404", Fault::model_not_found("nope").into());
    on("fault-429", Fault::resource_exhausted(Duration::from_secs(7)).into());
    on("fault-500", Fault::internal().into());
    on("fault-503", Fault::unavailable().into());
    on("fault-html", Reply::html());
    on("fault-blocked", Reply::blocked("PROHIBITED_CONTENT"));
    on("fault-safety", Reply::nothing(Finish::Safety));
    on("fault-empty", Reply::nothing(Finish::Stop));
    on("fault-broken", Reply::chunks(["a", "b"]).cut_after(0));
    on("fault-nonsense", Reply::text("I would rather talk about the weather."));
    on("fault-silence", Reply::silence());
    on("cut-later", Reply::chunks(["a", "b"]).cut_after(1));
    on("fails-later", Reply::chunks(["a", "b"]).error_after(1, Fault::internal()));
    on("silent-later", Reply::chunks(["a", "b"]).silent_after(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_a_model_does_wrong_ends_in_the_same_row_as_in_rest() {
    let fake = FakeGemini::builder().lenient().start().await;
    script(&fake);
    let server = Server::with(&fake, &[("LLM_TIMEOUT", "2500")]);
    let mut client = server.client().await;
    for (fault, code) in [
        ("fault-400", Code::Unavailable),
        ("fault-401", Code::Unavailable),
        ("fault-404", Code::Unavailable),
        ("fault-429", Code::Unavailable),
        ("fault-500", Code::Unavailable),
        ("fault-503", Code::Unavailable),
        ("fault-html", Code::Unavailable),
        ("fault-blocked", Code::FailedPrecondition),
        ("fault-safety", Code::FailedPrecondition),
        ("fault-empty", Code::Unavailable),
        ("fault-broken", Code::Unavailable),
        ("fault-silence", Code::DeadlineExceeded),
    ] {
        let (_, problem) = server.post("/write-note", &json!({"name": fault})).await;
        let status = client.write_note(about(fault)).await.unwrap_err();
        assert_eq!(status.code(), code, "{fault}");
        assert_twins(fault, &status, &problem);
        if fault == "fault-429" {
            assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(7)));
        }

        // A stream that fails before its first chunk fails the same way.
        let (_, problem) = server.post("/write-note/stream", &json!({"name": fault})).await;
        let status = client.write_note_stream(about(fault)).await.unwrap_err();
        assert_eq!(status.code(), code, "{fault} in a stream");
        assert_twins(fault, &status, &problem);
    }
    let (_, problem) = server.post("/extract", &json!({"text": "fault-nonsense"})).await;
    let request = FactsRequest { text: "fault-nonsense".into(), ..FactsRequest::default() };
    let status = client.extract_facts(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_twins("fault-nonsense", &status, &problem);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_fails_later_keeps_its_chunks_and_ends_with_the_status() {
    let fake = FakeGemini::builder().lenient().start().await;
    script(&fake);
    let server = Server::with(&fake, &[("LLM_TIMEOUT", "2500")]);
    let mut client = server.client().await;
    for (fault, code) in [
        ("cut-later", Code::Unavailable),
        ("fails-later", Code::Unavailable),
        ("silent-later", Code::DeadlineExceeded),
    ] {
        let (chunks, status) = read(client.write_note_stream(about(fault)).await, |it| it.text).await;
        let status = status.unwrap();
        assert_eq!((chunks.concat().as_str(), status.code()), ("a", code), "{fault}");
        assert!(status.get_details_request_info().is_some(), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_internal_wherever_it_happens_and_the_server_lives_on() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let (_, problem) = server.post("/write-note", &json!({"name": PANIC})).await;
    let status = client.write_note(about(PANIC)).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_twins("write_note", &status, &problem);

    let (chunks, status) = read(client.write_note_stream(about(PANIC)).await, |it| it.text).await;
    let status = status.unwrap();
    assert_eq!((chunks.len(), status.code()), (1, Code::Internal));
    assert!(!status.message().contains("purpose"));

    let status = client.stream_sentences(TopicRequest { topic: PANIC.into() }).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(client.health(HealthRequest {}).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_takes_longer_than_the_request_timeout_is_over() {
    let fake = FakeGemini::builder().lenient().start().await;
    fake.otherwise(Reply::silence());
    let server = Server::with(&fake, &[("REQUEST_TIMEOUT", "0.4")]);
    let mut client = server.client().await;
    let (http, problem) = server.post("/write-note", &json!({})).await;
    let status = client.write_note(NoteRequest::default()).await.unwrap_err();
    assert_eq!((http, status.code()), (504, Code::DeadlineExceeded));
    assert_twins("write_note", &status, &problem);
    let status = client.stream_sentences(TopicRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}
