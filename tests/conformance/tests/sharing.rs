//! What callers share and what they do not: answers, streams, rates; on every compiled adapter, on both listeners.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test, which tells what it saw"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use conformance::Server;
use conformance::api::TestFlows;
use conformance::routes::combinations;
use fake_gemini::{FakeGemini, Matcher, Reply};
use flow_listener::Adapter;
use flow_listener::ServerKind;
use futures_util::StreamExt;
use futures_util::future::join_all;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::json;

const SOON: Duration = Duration::from_secs(5);
const CALLERS: usize = 200;
const READERS: usize = 20;

/// The text that facts are extracted from where none is given.
const DEFAULT: &str = "Luna was born under the moon.";

fn start(
    adapter: Adapter<dyn TestFlows>,
    kind: ServerKind,
    fake: &FakeGemini,
    more: &[(&'static str, &str)],
) -> Server {
    let mut environment = vec![
        ("GEMINI_API_KEY", "key".to_owned()),
        ("GEMINI_BASE_URL", fake.url()),
        ("WEB_CONCURRENCY", "2".to_owned()),
        ("RATE_LIMIT_DEFAULT", "1000000/second".to_owned()),
    ];
    for (name, value) in more {
        environment.retain(|it| it.0 != *name);
        environment.push((name, (*value).to_owned()));
    }
    Server::rest(adapter, kind, &environment)
}

fn post(client: &Client, server: &Server, path: &str, body: &serde_json::Value) -> RequestBuilder {
    client.post(format!("http://{}{path}", server.address)).json(body).timeout(2 * SOON)
}

fn x_cache(response: &Response) -> String {
    response.headers().get("x-cache").map_or("-", |it| it.to_str().unwrap()).to_owned()
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_equal_calls_at_once_are_one_model_call() {
    for (adapter, kind) in combinations() {
        let who = format!("{}/{kind:?}", adapter.name);
        let fake = FakeGemini::builder().lenient().start().await;
        let reply = json!({
            "sourceText": DEFAULT, "facts": ["Luna was born."],
            "counts": {"people": 1, "places": 0}, "certainty": "high",
        });
        // Slow enough that the last of the callers comes before the answer.
        fake.otherwise(Reply::json(&reply).header_delay(Duration::from_secs(2)));
        let server = start(adapter, kind, &fake, &[]);
        let client = client();
        let calls = (0..CALLERS).map(|_| post(&client, &server, "/extract", &json!({})).send());
        let mut outcomes = BTreeMap::new();
        for response in join_all(calls).await {
            let response = response.unwrap();
            assert_eq!(response.status(), 200, "{who}");
            *outcomes.entry(x_cache(&response)).or_insert(0) += 1;
            assert_eq!(response.json::<serde_json::Value>().await.unwrap(), reply, "{who}");
        }
        println!("{who}: {outcomes:?}, {} model call", fake.stats().received);
        assert_eq!(fake.stats().received, 1, "{who}");
        assert_eq!(
            outcomes,
            BTreeMap::from([("coalesced".into(), CALLERS - 1), ("miss".into(), 1)]),
            "{who}"
        );
        let later = post(&client, &server, "/extract", &json!({"text": DEFAULT})).send().await.unwrap();
        assert_eq!((x_cache(&later), fake.stats().received), ("hit".into(), 1), "{who}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_caller_may_leave_and_the_last_one_ends_the_model_call() {
    for (adapter, kind) in combinations() {
        let who = format!("{}/{kind:?}", adapter.name);
        let fake = FakeGemini::builder().lenient().start().await;
        fake.otherwise(Reply::silence());
        let server = start(adapter, kind, &fake, &[]);
        let client = client();
        let leaving = |after: u64| {
            let call = post(&client, &server, "/extract", &json!({}));
            call.timeout(Duration::from_millis(after)).send()
        };
        let (first, second) = (tokio::spawn(leaving(600)), tokio::spawn(leaving(1500)));
        let call = fake.wait_request(0, SOON).await;
        assert!(first.await.unwrap().is_err(), "{who}: nobody answers");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(fake.stats().active, 1, "{who}: somebody still waits");
        assert!(second.await.unwrap().is_err(), "{who}: nobody answers");
        assert!(call.wait_dropped(Duration::from_secs(1)).await.is_some(), "{who}: it goes on for nobody");
        assert_eq!(fake.stats().received, 1, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_equal_streams_are_one_model_stream_and_all_get_every_chunk() {
    for (adapter, kind) in combinations() {
        let who = format!("{}/{kind:?}", adapter.name);
        let fake = FakeGemini::builder().lenient().start().await;
        let sentences: Vec<_> = (0..30).map(|nth| format!("Sentence {nth} is here. ")).collect();
        fake.otherwise(Reply::chunks(sentences).chunk_delay(Duration::from_millis(30)));
        let server = start(adapter, kind, &fake, &[("STREAM_JOIN", "stream_sentences")]);
        let client = client();
        let readers = (0..READERS).map(|nth| {
            let call = post(&client, &server, "/stream-sentences", &json!({"topic": "a fox"}));
            async move {
                // One after the other: the last joins when half of it has been told. Some read slowly.
                tokio::time::sleep(Duration::from_millis(25 * nth as u64)).await;
                let response = call.send().await.unwrap();
                let outcome = x_cache(&response);
                let mut text = Vec::new();
                let mut body = response.bytes_stream();
                while let Some(bytes) = body.next().await {
                    text.extend_from_slice(&bytes.unwrap());
                    if nth % 5 == 0 {
                        tokio::time::sleep(Duration::from_millis(60)).await;
                    }
                }
                (outcome, String::from_utf8(text).unwrap())
            }
        });
        let told = join_all(readers).await;
        let (_, first) = &told[0];
        assert!(first.matches("data: {\"chunk\":").count() >= 25, "{who}: {first}");
        assert!(first.trim_end().rsplit("\n\n").next().unwrap().starts_with("data: {\"done\":true"), "{who}");
        assert!(told.iter().all(|(_, text)| text == first), "{who}: not all got the same");
        let misses = told.iter().filter(|it| it.0 == "miss").count();
        assert_eq!((fake.stats().received, misses), (1, 1), "{who}");
        println!("{who}: {READERS} readers, {} model stream", fake.stats().received);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_share_nothing() {
    // SHA-256 of `sesame` and of `secret`.
    const KEYS: &str = "d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272,\
                        2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    for (adapter, kind) in combinations() {
        let who = format!("{}/{kind:?}", adapter.name);
        let fake = FakeGemini::builder().lenient().start().await;
        fake.on(Matcher::prompt("Write sentences"), Reply::chunks(["One. ", "Two. "]).chunk_delay(SOON / 10));
        let server = start(adapter, kind, &fake, &[("API_KEYS", KEYS), ("STREAM_JOIN", "stream_sentences")]);
        let client = client();
        let call = |path: &str, key: &str| post(&client, &server, path, &json!({})).bearer_auth(key).send();
        for (key, outcome) in [("sesame", "miss"), ("secret", "miss"), ("sesame", "hit"), ("secret", "hit")] {
            let response = call("/extract", key).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), x_cache(&response)),
                (200, outcome.into()),
                "{who} {key}"
            );
        }
        let before = fake.stats().received;
        let path = "/stream-sentences";
        let streams = ["sesame", "secret", "sesame", "secret"].map(|key| call(path, key));
        let outcomes = join_all(streams).await.into_iter().map(|it| x_cache(&it.unwrap()));
        let mut outcomes: Vec<_> = outcomes.collect();
        outcomes.sort();
        assert_eq!(outcomes, ["coalesced", "coalesced", "miss", "miss"], "{who}");
        assert_eq!(fake.stats().received - before, 2, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_a_stream_of_partial_objects_late_gets_the_newest_at_once() {
    let form = json!({"title": "a", "content": "b ".repeat(40), "copies": 1}).to_string();
    let pieces: Vec<_> = form.split_inclusive(' ').map(str::to_owned).collect();
    for (adapter, kind) in combinations() {
        let who = format!("{}/{kind:?}", adapter.name);
        let fake = FakeGemini::builder().lenient().start().await;
        fake.otherwise(Reply::chunks(pieces.clone()).chunk_delay(Duration::from_millis(20)));
        let server = start(adapter, kind, &fake, &[("STREAM_JOIN", "fill_form")]);
        let client = client();
        let call = || post(&client, &server, "/fill-form/stream", &json!({"title": "Visa"})).send();
        let partials = |text: &str| {
            let frames = text.split("\n\n").filter_map(|it| it.trim().strip_prefix("data: {\"partial\":"));
            frames.map(str::len).collect::<Vec<_>>()
        };
        let mut first = call().await.unwrap();
        assert_eq!(x_cache(&first), "miss", "{who}");
        let mut text = String::new();
        while partials(&text).len() < 10 {
            text.push_str(std::str::from_utf8(&first.chunk().await.unwrap().unwrap()).unwrap());
        }
        // Whole frames have come, since each is written at once.
        let known = *partials(&text).last().unwrap();
        let late = call().await.unwrap();
        assert_eq!(x_cache(&late), "coalesced", "{who}");
        let (rest, late) = tokio::join!(first.text(), late.text());
        let (text, late) = (text + &rest.unwrap(), late.unwrap());
        let some = partials(&late);
        assert!(some[0] >= known, "{who}: {} is older than {known}", some[0]);
        // A reader that is slow gets fewer, so the first one's are not counted.
        assert!(some.len() < pieces.len() - 8, "{who}: {} of {}", some.len(), pieces.len());
        let last = |text: &str| text.trim_end().rsplit("\n\n").next().unwrap().to_owned();
        assert!(last(&text).starts_with("data: {\"done\":true") && last(&text) == last(&late), "{who}");
        assert_eq!(fake.stats().received, 1, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_each_client_has_its_own_rate() {
    for (adapter, kind) in combinations() {
        let who = format!("{}/{kind:?}", adapter.name);
        let fake = FakeGemini::builder().lenient().start().await;
        let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("RATE_LIMIT_DEFAULT", "2/day")];
        let server = start(adapter, kind, &fake, &settings);
        let client = client();
        for address in ["203.0.113.1", "203.0.113.2", "2001:db8:1::1", "2001:db8:2::1"] {
            let mut statuses = Vec::new();
            for forged in ["", "198.51.100.1, ", "198.51.100.2, "] {
                let call = post(&client, &server, "/write-note", &json!({}));
                let response = call.header("x-forwarded-for", format!("{forged}{address}")).send().await;
                statuses.push(response.unwrap().status().as_u16());
            }
            assert_eq!(statuses, [200, 200, 429], "{who} {address}");
        }
    }
}
