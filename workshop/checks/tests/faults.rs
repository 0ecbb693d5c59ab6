//! A model through everything that goes wrong with models, behind each framework: two thousand requests, and each of
//! them gets an answer of the error table.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test, which tells what it saw"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use checks::{Combination, FRAMEWORKS};
use fake_gemini::{FakeGemini, Fault, FaultSchedule, Matcher, Reply};
use futures_util::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};

const REQUESTS: usize = 2000;
const CLIENTS: usize = 16;
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_answered_by_a_row_of_the_table_and_the_circuit_closes_again() {
    for framework in FRAMEWORKS {
        let fake = FakeGemini::builder().lenient().keep(0).start().await;
        let schedule = FaultSchedule::start(&fake, REQUESTS);
        let server = Combination::native(framework).start(&[
            ("GEMINI_API_KEY", "key"),
            ("GEMINI_BASE_URL", &fake.url()),
            ("WEB_CONCURRENCY", "2"),
            ("RATE_LIMIT_DEFAULT", "1000000/second"),
            ("LLM_TIMEOUT", "250"),
            ("CB_RECOVERY_TIMEOUT", "0.025"),
        ]);
        let base = format!("http://{}", server.address);
        let client = Client::builder().no_proxy().timeout(SOON).build().unwrap();
        let clients = (0..CLIENTS).map(|_| {
            let (client, base, schedule) = (client.clone(), base.clone(), schedule.clone());
            tokio::spawn(async move {
                let mut ends = Vec::new();
                while let Some(nth) = schedule.next() {
                    let end = ask(&client, &base, nth % 2 == 1).await;
                    // Nobody comes back at once after a refusal.
                    tokio::time::sleep(Duration::from_millis(if end == "503" { 30 } else { 5 })).await;
                    ends.push(end);
                }
                ends
            })
        });
        let mut counts = BTreeMap::new();
        for end in join_all(clients).await.into_iter().flat_map(Result::unwrap) {
            *counts.entry(end).or_insert(0) += 1;
        }
        println!("{framework}: {counts:?}; the model was asked {} times", fake.stats().received);
        assert_eq!(counts.values().sum::<usize>(), REQUESTS);
        let rows = ["200", "200 stream", "200 stream, then 502", "200 stream, then 504", "502", "503", "504"];
        assert!(counts.keys().all(|it| rows.contains(&&**it)), "{counts:?}");
        assert!(counts["200"] + counts["200 stream"] > REQUESTS / 4, "{counts:?}");
        assert!(counts["503"] > 0 && counts["502"] > 0, "{counts:?}");
        assert_eq!(circuit_after_calls(&client, &base).await, "closed");
        fake.wait_until(|stats| stats.active == 0, SOON).await.expect("a model call was left behind");
    }
}

/// Pictures that the model's server fails on, from one client, beside others who ask for texts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_s_bad_images_hurt_no_other() {
    const BAD: usize = 40;
    for framework in FRAMEWORKS {
        let fake = FakeGemini::builder().lenient().keep(0).start().await;
        fake.on(Matcher::image(), Fault::internal());
        fake.otherwise(Reply::text("A joke.").header_delay(Duration::from_millis(200)));
        let server = Combination::native(framework).start(&[
            ("GEMINI_API_KEY", "key"),
            ("GEMINI_BASE_URL", &fake.url()),
            ("RATE_LIMIT_DEFAULT", "1000000/second"),
        ]);
        let base = format!("http://{}", server.address);
        let client = Client::builder().no_proxy().timeout(SOON).build().unwrap();
        let post = async |path: &str, body: Value| {
            client.post(format!("{base}{path}")).json(&body).send().await.unwrap().status().as_u16()
        };
        assert_eq!(post("/tell-joke", json!({})).await, 200);
        let over = AtomicBool::new(false);
        let good = async {
            let mut answered = 0;
            while !over.load(Ordering::Relaxed) {
                assert_eq!(
                    post("/tell-joke", json!({})).await,
                    200,
                    "{framework}: after {answered} good calls"
                );
                answered += 1;
            }
            answered
        };
        let bad = async {
            for _ in 0..BAD {
                // As the model is well, the circuit lets also these through.
                assert_eq!(post("/describe-image", json!({})).await, 502, "{framework}");
            }
            over.store(true, Ordering::Relaxed);
        };
        let (answered, ()) = tokio::join!(good, bad);
        println!("{framework}: {answered} good calls beside {BAD} bad images");
        assert!(answered > 0);
    }
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

/// The circuit's state once it is closed, or after a hundred further calls: on a machine too busy to answer in
/// time even a model without fault looks silent, and it may take another call.
async fn circuit_after_calls(client: &Client, base: &str) -> String {
    let mut circuit = String::new();
    for _ in 0..100 {
        let ready = client.get(format!("{base}/ready")).send().await.unwrap();
        assert_eq!(ready.status(), 200);
        let ready: Value = ready.json().await.unwrap();
        circuit = ready["checks"]["circuit"].as_str().unwrap().to_owned();
        if circuit == "closed" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
        ask(client, base, false).await;
    }
    circuit
}
