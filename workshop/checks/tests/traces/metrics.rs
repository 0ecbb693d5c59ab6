//! What is measured agrees with a load that is counted, and Prometheus and the collector are told the same.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use adapter_grpc::proto::{JokeRequest, StoryRequest};
use checks::Combination;
use fake_gemini::{FakeGemini, Matcher, Reply};
use futures_util::StreamExt as _;
use harness::Process;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use reqwest::Client;
use serde_json::json;

use crate::collector::{Collector, named};
use crate::{procedures, start};

/// Series by their names and labels, as Prometheus writes them.
type Series = BTreeMap<String, f64>;

/// What Prometheus is told, without the buckets of histograms.
fn of_prometheus(text: &str) -> Series {
    let lines = text.lines().filter(|it| !it.starts_with('#') && !it.is_empty() && !it.contains("_bucket{"));
    let pair = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let Some((name, labels)) = series.split_once('{') else {
            return (series.to_owned(), value.parse().unwrap());
        };
        let mut labels: Vec<_> = labels.strip_suffix("\"}").unwrap().split("\",").collect();
        labels.sort_unstable();
        let labels: Vec<_> = labels.iter().map(|it| format!("{it}\"")).collect();
        (format!("{name}{{{}}}", labels.join(",")), value.parse().unwrap())
    };
    lines.map(pair).collect()
}

/// What the collector was told last, in the same form.
fn of_collector(collector: &Collector) -> Series {
    let mut series = Series::new();
    let scopes = collector.numbers().resource_metrics.into_iter().flat_map(|it| it.scope_metrics);
    for metric in scopes.flat_map(|it| it.metrics) {
        let known =
            flow_metrics::find(&metric.name).unwrap_or_else(|| panic!("{} is not listed", metric.name));
        assert_eq!(metric.unit, known.unit, "{}", metric.name);
        let name = known.prometheus_name();
        let mut put = |suffix: &str, attributes: &[_], value: f64| {
            let labels = named(attributes);
            let mut labels: Vec<_> = labels
                .iter()
                .map(|(name, value)| format!("{}=\"{value}\"", name.replace('.', "_")))
                .collect();
            labels.sort_unstable();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            series.insert(format!("{name}{suffix}{labels}"), value);
        };
        let number = |value: Option<Value>| match value {
            Some(Value::AsDouble(number)) => number,
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            Some(Value::AsInt(number)) => number as f64,
            None => panic!("a point without a number"),
        };
        match metric.data.unwrap() {
            Data::Gauge(it) => it.data_points.iter().for_each(|it| put("", &it.attributes, number(it.value))),
            Data::Sum(it) => it.data_points.iter().for_each(|it| put("", &it.attributes, number(it.value))),
            Data::Histogram(it) => {
                for point in it.data_points {
                    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                    put("_count", &point.attributes, point.count as f64);
                    put("_sum", &point.attributes, point.sum.unwrap());
                }
            }
            other => panic!("{other:?}"),
        }
    }
    series
}

/// Has Prometheus' own tool look at the text, where it is installed.
#[expect(clippy::disallowed_methods, reason = "a test's own variable")]
fn check(text: &str) {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut tool = match tool {
        Ok(tool) => tool,
        Err(error) if std::env::var_os("REQUIRE_PROMTOOL").is_some() => panic!("promtool: {error}"),
        Err(_) => return,
    };
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let outcome = tool.wait_with_output().unwrap();
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    assert!(outcome.stderr.is_empty(), "{}", String::from_utf8_lossy(&outcome.stderr));
}

/// The load, each part of which is counted.
async fn load(program: &Process, client: &Client) {
    let ask = async |route: &str, body: serde_json::Value| {
        client.post(format!("http://{}{route}", program.address)).json(&body).send().await.unwrap()
    };
    for _ in 0..5 {
        assert_eq!(ask("/tell-joke", json!({})).await.status(), 200);
    }
    for _ in 0..3 {
        assert_eq!(ask("/tell-joke", json!([])).await.status(), 422);
    }
    for path in ["/no/such", "/another"] {
        assert_eq!(ask(path, json!({})).await.status(), 404);
    }
    assert_eq!(ask("/tell-joke", json!({"name": "blocked"})).await.status(), 422);
    for _ in 0..4 {
        ask("/describe-image", json!({"image_url": "https://a.example/a.png"})).await;
    }
    for _ in 0..2 {
        let text = ask("/tell-joke/stream", json!({})).await.text().await.unwrap();
        assert!(text.contains("\"done\":true"), "{text}");
    }
    // This client leaves in the middle.
    let mut leaving = ask("/tell-joke/stream", json!({})).await.bytes_stream();
    leaving.next().await.unwrap().unwrap();
    drop(leaving);

    let mut calls = procedures(program).await;
    for _ in 0..3 {
        calls.tell_joke(JokeRequest::default()).await.unwrap();
    }
    let long = "a".repeat(100_000);
    calls.tell_joke(JokeRequest { name: long, ..Default::default() }).await.unwrap_err();
    let mut story = calls.tell_story(StoryRequest::default()).await.unwrap().into_inner();
    while story.message().await.unwrap().is_some() {}
    drop((story, calls));
}

/// What it comes to.
fn expected() -> Vec<(String, u32)> {
    let http = |method: &str, route: &str, status: u16| {
        format!(
            "http_server_request_duration_seconds_count{{http_request_method=\"{method}\",\
             http_response_status_code=\"{status}\",http_route=\"{route}\"}}"
        )
    };
    let rpc = |method: &str, status: &str| {
        format!(
            "rpc_server_call_duration_seconds_count{{rpc_method=\"genkit.sample.v1.GenkitService/{method}\",\
             rpc_response_status_code=\"{status}\",rpc_system_name=\"grpc\"}}"
        )
    };
    let flow = |name: &str, outcome: &str| {
        format!("flow_duration_seconds_count{{flow=\"{name}\",outcome=\"{outcome}\"}}")
    };
    let model = |more: &str| {
        format!(
            "gen_ai_client_operation_duration_seconds_count{{{more}gen_ai_operation_name=\"chat\",\
             gen_ai_provider_name=\"gcp.gemini\",gen_ai_request_model=\"gemini-2.5-flash\"}}"
        )
    };
    vec![
        (http("POST", "/tell-joke", 200), 5),
        // Three bad bodies, and one that the model refused.
        (http("POST", "/tell-joke", 422), 4),
        (http("POST", "", 404), 2),
        (http("POST", "/describe-image", 200), 4),
        (http("POST", "/tell-joke/stream", 200), 3),
        (rpc("TellJoke", "OK"), 3),
        (rpc("TellJoke", "INVALID_ARGUMENT"), 1),
        (rpc("TellStory", "OK"), 1),
        // Over REST and gRPC: what is not valid does not reach its flow.
        (flow("tell_joke", "success"), 10),
        (flow("tell_joke", "error"), 1),
        (flow("tell_joke", "cancelled"), 1),
        (flow("describe_image", "success"), 4),
        (flow("tell_story", "success"), 1),
        ("flow_time_to_first_chunk_seconds_count{flow=\"tell_joke\"}".to_owned(), 3),
        ("flow_cache_lookups_total{flow=\"describe_image\",outcome=\"miss\"}".to_owned(), 1),
        ("flow_cache_lookups_total{flow=\"describe_image\",outcome=\"hit\"}".to_owned(), 3),
        // Ten jokes, an image and a story.
        (model(""), 12),
        (model("error_type=\"refused\","), 1),
        (model("error_type=\"cancelled\","), 1),
        ("flow_active_requests".to_owned(), 0),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counted_load_is_what_both_are_told() {
    for (combination, protocol) in [
        (Combination::native("axum"), "http/protobuf"),
        (Combination::native("actix"), "grpc"),
        (Combination::native("poem"), "http/protobuf"),
    ] {
        let fake = FakeGemini::builder().chunk_delay(Duration::from_millis(40)).start().await;
        fake.on(Matcher::prompt("blocked"), Reply::blocked("SAFETY"));
        let collector = Collector::start().await;
        let endpoint = if protocol == "grpc" { &collector.grpc } else { &collector.http };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &**endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_TRACES_SAMPLER", "always_off"),
            ("METRICS_PORT", &port),
        ];
        let mut program = start(combination, &fake, &environment);
        let client = Client::new();
        load(&program, &client).await;
        // The server learns a moment later that a client has left.
        let metrics = async || {
            let reply = client.get(format!("http://127.0.0.1:{port}/metrics")).send().await.unwrap();
            reply.text().await.unwrap()
        };
        let mut text = metrics().await;
        for _ in 0..50 {
            if text.contains("outcome=\"cancelled\"} 1") && text.contains("flow_active_requests 0") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            text = metrics().await;
        }
        check(&text);
        let told = of_prometheus(&text);
        for (series, expected) in expected() {
            let found = told.get(&series).copied();
            assert_eq!(found, Some(f64::from(expected)), "{combination}: {series} in\n{told:#?}");
        }
        let saved = told.iter().find(|(name, _)| name.starts_with("flow_model_tokens_saved_total"));
        assert!(saved.is_some_and(|(_, it)| *it > 0.0), "{text}");
        assert!(!text.contains("/no/such"), "a client makes no series");

        program.signal("TERM");
        assert_eq!(program.wait(Duration::from_secs(10)).await, Some(0));
        let sent = of_collector(&collector);
        // A series that has counted nothing may be missing on either side.
        let counted = |of: &Series| {
            of.iter().filter(|it| *it.1 != 0.0).map(|(a, b)| (a.clone(), *b)).collect::<Vec<_>>()
        };
        let (told, sent) = (counted(&told), counted(&sent));
        assert_eq!(
            told.iter().map(|it| &it.0).collect::<Vec<_>>(),
            sent.iter().map(|it| &it.0).collect::<Vec<_>>()
        );
        for ((series, by_prometheus), (_, by_otlp)) in told.iter().zip(&sent) {
            assert!(
                (by_prometheus - by_otlp).abs() <= by_prometheus * 1e-9,
                "{series}: {by_prometheus} {by_otlp}"
            );
        }
    }
}
