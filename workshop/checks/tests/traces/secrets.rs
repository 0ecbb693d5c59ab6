//! What must stay secret is planted everywhere, and looked for everywhere else.

use std::net::TcpListener;
use std::time::Duration;

use adapter_grpc::proto::JokeRequest;
use checks::Combination;
use fake_gemini::{FakeGemini, Matcher, Reply};
use reqwest::Client;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::collector::Collector;
use crate::{hex, procedures, start};

/// Where it is planted, and what.
const PLANTED: [(&str, &str); 8] = [
    ("the client's key", "planted-client-key-0123456789"),
    ("a header", "planted-header"),
    ("a cookie", "planted-cookie"),
    ("a query", "planted-query"),
    ("a body", "planted-body"),
    ("the model's key", "planted-model-key"),
    ("the collector's key", "planted-collector-key"),
    ("an answer", "planted-answer"),
];

fn planted(place: &str) -> &'static str {
    PLANTED.iter().find(|it| it.0 == place).expect("it is planted").1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_secret_is_logged_traced_or_measured() {
    for (framework, filter) in [("axum", "LOG_LEVEL"), ("actix", "LOG_LEVEL"), ("poem", "RUST_LOG")] {
        let (fake, collector) = (FakeGemini::start().await, Collector::start().await);
        // What is said later wins.
        fake.on(Matcher::any(), Reply::text(planted("an answer")));
        fake.on(Matcher::prompt("blocked"), Reply::blocked("SAFETY"));
        fake.on(Matcher::prompt("broken"), fake_gemini::Fault::unavailable());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let digest = hex(&Sha256::digest(planted("the client's key")));
        let headers = format!("api-key={}", planted("the collector's key"));
        let environment = [
            (filter, "trace"),
            ("API_KEYS", &*digest),
            ("GEMINI_API_KEY", planted("the model's key")),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.http),
            ("OTEL_EXPORTER_OTLP_HEADERS", &headers),
            ("METRICS_PORT", &port),
            ("SENTRY_DSN", &collector.dsn()),
        ];
        let mut program = start(Combination::native(framework), &fake, &environment);
        let client = Client::new();
        let body = planted("a body");
        for (route, body, status) in [
            ("/tell-joke", json!({"name": body}), 200),
            ("/tell-joke/stream", json!({"name": body}), 200),
            ("/flows/tell_joke", json!({"data": {"name": body}}), 200),
            // Refused by the checks, by the model, and by a model server that fails.
            ("/tell-joke", json!({"name": [body]}), 422),
            ("/tell-joke", json!({"name": format!("{body} blocked")}), 422),
            ("/tell-joke", json!({"name": format!("{body} broken")}), 502),
            ("/generate-character", json!({"name": body}), 502),
            ("/no/such", json!({"name": body}), 404),
        ] {
            let url = format!("http://{}{route}?key={}", program.address, planted("a query"));
            let request = client.post(url).bearer_auth(planted("the client's key")).json(&body);
            let request = request.header("x-private", planted("a header"));
            let request = request.header("cookie", format!("session={}", planted("a cookie")));
            let reply = request.send().await.unwrap();
            assert_eq!(reply.status(), status, "{route}");
            reply.bytes().await.unwrap();
        }
        let mut calls = procedures(&program).await;
        for name in [body.to_owned(), format!("{body} broken")] {
            let mut request = tonic::Request::new(JokeRequest { name, ..Default::default() });
            let key = format!("Bearer {}", planted("the client's key"));
            request.metadata_mut().insert("authorization", key.parse().unwrap());
            request.metadata_mut().insert("x-private", planted("a header").parse().unwrap());
            let _ = calls.tell_joke(request).await;
        }
        drop(calls);
        let metrics = client.get(format!("http://127.0.0.1:{port}/metrics")).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        program.signal("TERM");
        assert_eq!(program.wait(Duration::from_secs(15)).await, Some(0));
        let (log, spans, numbers) = (program.log(), collector.spans(), collector.numbers());
        assert!(log.lines().count() > 20 && spans.len() > 10 && !numbers.resource_metrics.is_empty());
        // Two over HTTP, and one over gRPC.
        let events = collector.events();
        assert_eq!(events.len(), 3, "{events:#?}");
        let told = [
            ("the log", log),
            ("Sentry's events", events.join("\n")),
            ("the traces", format!("{spans:?}")),
            ("the collector's metrics", format!("{numbers:?}")),
            ("Prometheus' metrics", metrics),
        ];
        for (told_in, text) in &told {
            for (place, secret) in PLANTED {
                let found = text.lines().find(|it| it.contains(secret));
                assert!(found.is_none(), "{framework}: {place} is in {told_in}: {found:?}");
            }
        }
    }
}
