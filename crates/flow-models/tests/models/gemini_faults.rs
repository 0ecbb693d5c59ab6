//! What can go wrong upstream, and what a caller is told of it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use fake_gemini::{FakeGemini, Fault, Finish, Gate, Reply};
use flow_models::ProviderSettings;
use flow_runtime::{Generate, ModelError, Runtime};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use insta::assert_snapshot;

use crate::{SOON, gemini, says, settings, streamed};

const MOMENT: Duration = Duration::from_millis(600);

/// Settings with a timeout that a test can wait for.
fn with_short_timeout(fake: &FakeGemini) -> ProviderSettings {
    ProviderSettings { llm_timeout: MOMENT, ..settings(fake) }
}

#[tokio::test]
async fn every_fault_has_its_error() {
    let minute = Duration::from_mins(1);
    let cases: Vec<(&str, Reply)> = vec![
        ("a wrong key", Fault::api_key_invalid().into()),
        ("a wrong token", Fault::unauthenticated().into()),
        ("no permission", Fault::permission_denied().into()),
        ("no such model", Fault::model_not_found("gemini-3-flash").into()),
        ("a bad argument", Fault::invalid_argument("no").into()),
        ("over the quota", Fault::resource_exhausted(Duration::from_secs(34)).into()),
        ("over the quota, told in the body", Fault::resource_exhausted(minute).without_retry_header().into()),
        ("over the quota, nothing told", Fault::new(429, "RESOURCE_EXHAUSTED", "slow down").into()),
        ("internal", Fault::internal().into()),
        ("overloaded", Fault::unavailable().into()),
        ("its own deadline", Fault::deadline_exceeded().into()),
        ("a proxy's page", Reply::html()),
        ("a redirect", Reply::raw(302, "text/plain", "").header("location", "http://127.0.0.1:9/")),
        ("JSON that breaks off", Reply::malformed_json()),
        ("a success that is a page", Reply::raw(200, "text/html", "<p>Hello</p>")),
        ("a success that is empty", Reply::raw(200, "application/json", "{}")),
        (
            "a success that is an error",
            Reply::raw(200, "application/json", Fault::unavailable().body().to_string()),
        ),
        ("a blocked prompt", Reply::blocked("PROHIBITED_CONTENT")),
        ("a blocked prompt with a strange reason", Reply::blocked("your prompt was: secret")),
        ("a withheld answer", Reply::nothing(Finish::Safety)),
        ("a recitation", Reply::nothing(Finish::Recitation)),
        ("withheld half way", Reply::text("Once").finish(Finish::Safety)),
        ("an error half way", Reply::chunks(["Once ", "upon"]).error_after(1, Fault::unavailable())),
        (
            "quota half way",
            Reply::chunks(["Once ", "upon"]).error_after(1, Fault::resource_exhausted(minute)),
        ),
        ("cut half way", Reply::chunks(["Once ", "upon"]).cut_after(1)),
        ("cut at once", Reply::chunks(["Once ", "upon"]).cut_after(0)),
    ];
    let mut table = String::new();
    for (name, reply) in cases {
        let fake = FakeGemini::start().await;
        let model = gemini(settings(&fake));
        fake.otherwise(reply);
        let unary = model.generate(&says("Hello.")).await.unwrap_err();
        let (deltas, stream) = streamed(&*model, &says("Hello.")).await;
        writeln!(table, "{name}\n  unary:  {unary:?}\n  stream: {deltas:?} {:?}", stream.unwrap_err())
            .unwrap();
        assert_eq!(fake.requests().len(), 2, "{name}: nothing here may retry or follow");
    }
    assert_snapshot!(table);
}

#[tokio::test]
async fn a_stream_that_ends_without_a_reason_was_cut() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::chunks(["Once ", "upon"]).end_after(1)]);
    let (deltas, outcome) = streamed(&*gemini(settings(&fake)), &says("A text.")).await;
    assert_eq!(deltas, ["Once "]);
    assert_eq!(outcome.unwrap_err(), ModelError::upstream("the stream was cut"));
}

#[tokio::test]
async fn a_candidate_that_says_nothing_is_unusable() {
    let fake = FakeGemini::start().await;
    let runtime = Runtime::builder().default_model(gemini(settings(&fake))).build().unwrap();
    for (finish, why) in [
        (Finish::Stop, "empty"),
        (Finish::MaxTokens, "empty"),
        (Finish::MalformedFunctionCall, "a malformed call of a tool"),
    ] {
        fake.otherwise(Reply::nothing(finish));
        let ask = Generate::new().prompt("Hello.");
        assert_eq!(runtime.generate(ask.clone()).await.unwrap_err(), ModelError::malformed(why));
        let streamed: Vec<_> = runtime.stream(ask).collect().await;
        assert_eq!(streamed, [Err(ModelError::malformed(why))]);
    }
}

#[tokio::test]
async fn nobody_there_is_told_at_once() {
    let fake = FakeGemini::start().await;
    let model = gemini(settings(&fake));
    drop(fake);
    let nobody = ModelError::unreachable("the connection was refused");
    assert_eq!(model.generate(&says("Hello.")).await.unwrap_err(), nobody);
    assert_eq!(streamed(&*model, &says("Hello.")).await.1.unwrap_err(), nobody);
}

#[tokio::test]
async fn silence_ends_in_time_and_the_call_is_dropped() {
    let fake = FakeGemini::start().await;
    fake.otherwise(Reply::silence());
    let model = gemini(with_short_timeout(&fake));
    let start = Instant::now();
    assert_eq!(model.generate(&says("Hello.")).await.unwrap_err(), ModelError::Timeout);
    assert_eq!(streamed(&*model, &says("Hello.")).await.1.unwrap_err(), ModelError::Timeout);
    assert!(start.elapsed() >= 2 * MOMENT);
    for request in fake.requests() {
        assert!(request.wait_dropped(SOON).await.is_some());
    }
}

#[tokio::test]
async fn headers_alone_are_no_first_event() {
    let fake = FakeGemini::start().await;
    fake.otherwise(Reply::text("Never.").silent_after(0));
    let model = gemini(with_short_timeout(&fake));
    assert_eq!(streamed(&*model, &says("Hello.")).await.1.unwrap_err(), ModelError::Timeout);
    assert_eq!(model.generate(&says("Hello.")).await.unwrap_err(), ModelError::Timeout);
}

#[tokio::test]
async fn a_stream_may_last_longer_than_its_first_event_may_take() {
    let fake = FakeGemini::start().await;
    let words: Vec<String> = (0..10).map(|it| format!("{it} ")).collect();
    fake.script([Reply::chunks(words.clone()).chunk_delay(MOMENT / 4)]);
    let (deltas, outcome) = streamed(&*gemini(with_short_timeout(&fake)), &says("Count.")).await;
    assert_eq!(deltas, words);
    assert_eq!(outcome.unwrap().text(), words.concat());
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_given_up() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::chunks(["Once ", "upon"]).silent_after(1)]);
    let model = gemini(ProviderSettings { stream_idle_timeout: MOMENT, ..settings(&fake) });
    let (deltas, outcome) = streamed(&*model, &says("A text.")).await;
    assert_eq!((deltas, outcome.unwrap_err()), (vec!["Once ".to_owned()], ModelError::Timeout));
    assert!(fake.request(0).wait_dropped(SOON).await.is_some());
}

#[tokio::test]
async fn dropping_a_call_drops_it_upstream() {
    let fake = FakeGemini::start().await;
    fake.otherwise(Reply::silence());
    let model = gemini(settings(&fake));
    let asking = tokio::spawn(async move { model.generate(&says("Hello.")).await });
    let request = fake.wait_request(0, SOON).await;
    asking.abort();
    assert!(request.wait_dropped(Duration::from_secs(1)).await.is_some());
}

#[tokio::test]
async fn dropping_a_stream_drops_it_upstream() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::chunks(["Once ", "upon"]).silent_after(1)]);
    let mut stream = gemini(settings(&fake)).stream(&says("A text.")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert!(fake.request(0).wait_dropped(Duration::from_secs(1)).await.is_some());
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_allowed_and_the_rest_waits_its_turn() {
    let fake = FakeGemini::start().await;
    let gate = Gate::new();
    fake.otherwise(Reply::text("Done.").hold(&gate));
    let model = gemini(ProviderSettings { pool_max: 2, ..settings(&fake) });
    let all = tokio::spawn(async move {
        let request = says("Hello.");
        join_all((0..5).map(|_| model.generate(&request))).await
    });
    fake.wait_request(1, SOON).await;
    gate.open();
    assert!(all.await.unwrap().into_iter().all(|it| it.is_ok()));
    assert_eq!((fake.stats().peak, fake.requests().len()), (2, 5));
}

#[tokio::test]
async fn a_turn_that_never_comes_ends_in_time() {
    let fake = FakeGemini::start().await;
    fake.otherwise(Reply::silence());
    let model = gemini(ProviderSettings { pool_max: 1, ..with_short_timeout(&fake) });
    // The open stream holds the only turn for as long as it lives.
    fake.script([Reply::chunks(["Once ", "upon"]).silent_after(1)]);
    let holder = model.stream(&says("A text.")).await.unwrap();
    assert_eq!(model.generate(&says("Hello.")).await.unwrap_err(), ModelError::Crowded);
    drop(holder);
    fake.otherwise(Reply::text("Hello."));
    assert!(model.generate(&says("Hello.")).await.is_ok());
}
