//! A model through everything that goes wrong with models, behind each framework: two thousand requests, and each of
//! them gets an answer of the error table.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test, which tells what it saw"
)]

#[path = "contract/server.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use fake_gemini::{FakeGemini, Fault, Matcher, Reply};
use futures_util::future::join_all;
use genkit_endpoints::adapters::COMPILED_IN;
use genkit_endpoints::serving::ServerKind;
use reqwest::Client;
use serde_json::{Value, json};
use server::Server;

const REQUESTS: usize = 2000;
const CLIENTS: usize = 16;
/// How many requests fall into one stretch of the schedule; every second stretch is calm, and so is the end.
const STRETCH: usize = 50;
const CALM: usize = REQUESTS - 4 * STRETCH;
const SOON: Duration = Duration::from_secs(10);

fn faults() -> Vec<Reply> {
    vec![
        Fault::internal().into(),
        Fault::resource_exhausted(Duration::from_mins(1)).into(),
        Reply::silence(),
        Fault::resource_exhausted(Duration::from_millis(20)).without_retry_header().into(),
        Reply::chunks(["Once ", "upon ", "a time."]).silent_after(1),
        Reply::chunks(["Once ", "upon ", "a time."]).cut_after(1),
        Fault::unavailable().into(),
    ]
}

fn fault_at(request: usize) -> Option<usize> {
    let stretch = request / STRETCH;
    (request < CALM && stretch % 2 == 1).then_some(stretch / 2 % faults().len())
}

/// One request's end: its status, and for a stream what its terminal frame says.
async fn ask(client: &Client, base: &str, stream: bool) -> String {
    let path = if stream { "/tell-joke/stream" } else { "/chat" };
    let reply = client.post(format!("{base}{path}")).json(&json!({})).send().await.expect("no answer");
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    let text = reply.text().await.expect("a cut answer");
    if status == 200 && stream {
        let frames: Vec<Value> = text
            .trim_end()
            .split("\n\n")
            .map(|frame| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap())
            .collect();
        let (last, before) = frames.split_last().unwrap();
        assert!(before.iter().all(|it| it["chunk"].is_string()), "{text}");
        if last["done"] == true {
            return "200 stream".into();
        }
        return format!("200 stream, then {}", last["error"]["status"]);
    }
    let body: Value = serde_json::from_str(&text).unwrap();
    if status == 200 {
        assert!(body["answer"].is_string(), "{text}");
    } else {
        assert_eq!(body["status"], status, "{text}");
        assert_eq!(status == 503, headers.contains_key("retry-after"), "{text}");
    }
    status.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_answered_by_a_row_of_the_table_and_the_circuit_closes_again() {
    for adapter in COMPILED_IN {
        let fake = FakeGemini::builder().lenient().keep(0).start().await;
        let issued = Arc::new(AtomicUsize::new(0));
        for (number, reply) in faults().into_iter().enumerate() {
            let issued = issued.clone();
            fake.on(Matcher::when(move |_| fault_at(issued.load(SeqCst)) == Some(number)), reply);
        }
        let environment = [
            ("GEMINI_API_KEY", "key"),
            ("GEMINI_BASE_URL", &fake.url()),
            ("WEB_CONCURRENCY", "2"),
            ("RATE_LIMIT_DEFAULT", "1000000/second"),
            ("LLM_TIMEOUT", "250"),
            ("CB_RECOVERY_TIMEOUT", "0.025"),
        ];
        let environment = environment.map(|(name, value)| (name, value.to_owned()));
        let server = Server::start(*adapter, ServerKind::Native, &environment).await;
        let base = format!("http://{}", server.address);
        let client = Client::builder().no_proxy().timeout(SOON).build().unwrap();
        let clients = (0..CLIENTS).map(|_| {
            let (client, base, issued) = (client.clone(), base.clone(), issued.clone());
            tokio::spawn(async move {
                let mut ends = Vec::new();
                loop {
                    let nth = issued.fetch_add(1, SeqCst);
                    if nth >= REQUESTS {
                        return ends;
                    }
                    let end = ask(&client, &base, nth % 2 == 1).await;
                    // Nobody comes back at once after a refusal.
                    tokio::time::sleep(Duration::from_millis(if end == "503" { 30 } else { 5 })).await;
                    ends.push(end);
                }
            })
        });
        let mut counts = BTreeMap::new();
        for end in join_all(clients).await.into_iter().flat_map(Result::unwrap) {
            *counts.entry(end).or_insert(0) += 1;
        }
        println!("{}: {counts:?}; the model was asked {} times", adapter.name, fake.stats().received);
        assert_eq!(counts.values().sum::<usize>(), REQUESTS);
        let rows = ["200", "200 stream", "200 stream, then 502", "200 stream, then 504", "502", "503", "504"];
        assert!(counts.keys().all(|it| rows.contains(&&**it)), "{counts:?}");
        assert!(counts["200"] + counts["200 stream"] > REQUESTS / 4, "{counts:?}");
        assert!(counts["503"] > 0 && counts["502"] > 0, "{counts:?}");
        // A machine too busy to answer in time looks like silence, also in the calm; it may take another call.
        let mut circuit = Value::Null;
        for _ in 0..100 {
            let ready = client.get(format!("{base}/ready")).send().await.unwrap();
            assert_eq!(ready.status(), 200);
            circuit = ready.json::<Value>().await.unwrap()["checks"]["circuit"].clone();
            if circuit == "closed" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
            ask(&client, &base, false).await;
        }
        assert_eq!(circuit, "closed");
        fake.wait_until(|stats| stats.active == 0, SOON).await.expect("a model call was left behind");
    }
}
