//! What Prometheus is told, by the real program on a listener of its own.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use fake_gemini::{FakeGemini, Fault, Matcher};
use harness::Process;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caches_circuits_and_retries_are_counted_on_a_listener_of_their_own() {
    let fake = FakeGemini::builder().lenient().start().await;
    fake.on(Matcher::prompt("broken"), Fault::unavailable());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let environment = [
        ("GEMINI_API_KEY", "key".to_owned()),
        ("GEMINI_BASE_URL", fake.url()),
        ("CB_FAILURE_THRESHOLD", "1".to_owned()),
        ("METRICS_PORT", port.to_string()),
    ];
    let server = Process::start(Path::new(env!("CARGO_BIN_EXE_test-server")), &[], &environment);
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let url = |path: &str| format!("http://{}{path}", server.address);
    for (path, body, status) in [
        ("/extract", json!({}), 200),
        ("/extract", json!({}), 200),
        ("/write-note", json!({"name": "Is it broken?"}), 502),
    ] {
        let reply = client.post(url(path)).json(&body).send().await.unwrap();
        assert_eq!(reply.status(), status, "{path}");
    }
    let metrics = client.get(format!("http://127.0.0.1:{port}/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "flow_cache_lookups_total{flow=\"extract_facts\",outcome=\"miss\"} 1",
        "flow_cache_lookups_total{flow=\"extract_facts\",outcome=\"hit\"} 1",
        "flow_model_circuit_open{gen_ai_request_model=\"googleai/gemini-flash-latest\"} 1",
        "flow_model_retries_total{gen_ai_request_model=\"googleai/gemini-flash-latest\"} 2",
        "flow_duration_seconds_count{flow=\"extract_facts\",outcome=\"success\"} 2",
        "flow_duration_seconds_count{flow=\"write_note\",outcome=\"error\"} 1",
        "flow_active_requests 0",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} is not in:\n{metrics}");
    }
    assert_eq!(client.get(url("/metrics")).send().await.unwrap().status(), 404, "not where clients come");
}
