//! What is seen of the program from outside. One request, one trace: from the caller's own through the edge, the flow, its steps, its tools and its model, on to the
//! model's server. A collector gets it over both protocols of OTLP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod collector;
mod metrics;
mod platforms;
mod secrets;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use adapter_grpc::proto::genkit_service_client::GenkitServiceClient;
use adapter_grpc::proto::{StoryRequest, TranslateRequest};
use checks::Combination;
use fake_gemini::{FakeGemini, Matcher, Reply};
use harness::Process;
use opentelemetry_proto::tonic::trace::v1::Status;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use reqwest::Client;
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::collector::{Collector, Seen};

/// The trace and the span of the caller.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

async fn translator() -> FakeGemini {
    let fake = FakeGemini::start().await;
    let answer = json!({
        "original_text": "x", "translated_text": "Bonjour", "target_language": "x", "confidence": "high",
    });
    fake.on(Matcher::prompt("Translate into"), Reply::call("get_current_time", json!({})));
    fake.on(Matcher::prompt("Translate into").and(Matcher::tool_results()), Reply::json(&answer));
    fake
}

fn start(combination: Combination, fake: &FakeGemini, more: &[(&str, &str)]) -> Process {
    let origin = fake.origin();
    let mut environment = vec![
        ("MODEL", "googleai/gemini-2.5-flash"),
        ("GEMINI_API_KEY", "AIza-secret"),
        ("GEMINI_BASE_URL", &origin),
        ("RATE_LIMIT_DEFAULT", "1000000/second"),
    ];
    environment.extend(more);
    combination.start(&environment)
}

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{CALLER}-{flags}")
}

/// Ends the program, whose last spans are sent then, and returns those of the caller's trace.
async fn spans_of(mut program: Process, collector: &Collector) -> Vec<Seen> {
    program.signal("TERM");
    assert_eq!(program.wait(Duration::from_secs(15)).await, Some(0));
    let all = collector.spans();
    assert!(!all.is_empty(), "no span came");
    all.into_iter().filter(|it| hex(&it.span.trace_id) == TRACE).collect()
}

async fn procedures(program: &Process) -> GenkitServiceClient<Channel> {
    let address = format!("http://{}", program.grpc()).parse().unwrap();
    GenkitServiceClient::new(Channel::builder(address).connect().await.unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, it| format!("{text}{it:02x}"))
}

/// The names of the spans that a span is inside of, from itself outwards, up to the caller.
fn path(spans: &[Seen], of: &Seen) -> Vec<String> {
    let mut names = vec![of.span.name.clone()];
    let mut parent = of.span.parent_span_id.clone();
    while let Some(outer) = spans.iter().find(|it| it.span.span_id == parent) {
        names.push(outer.span.name.clone());
        parent.clone_from(&outer.span.parent_span_id);
    }
    names.push(hex(&parent));
    names
}

fn paths(spans: &[Seen]) -> Vec<String> {
    let mut paths: Vec<_> = spans.iter().map(|it| path(spans, it).join(" < ")).collect();
    paths.sort();
    paths
}

/// The trace of a translation whose model asks for the time once, inside of a server's span of this name.
fn translation(server: &str) -> Vec<String> {
    let mut expected = vec![
        format!("{server} < {CALLER}"),
        format!("translate_text < {server} < {CALLER}"),
        format!("sanitize-input < translate_text < {server} < {CALLER}"),
        format!("generate < translate_text < {server} < {CALLER}"),
        format!("chat gemini-2.5-flash < generate < translate_text < {server} < {CALLER}"),
        format!("chat gemini-2.5-flash < generate < translate_text < {server} < {CALLER}"),
        format!("execute_tool get_current_time < generate < translate_text < {server} < {CALLER}"),
    ];
    expected.sort();
    expected
}

fn one<'a>(spans: &'a [Seen], name: &str) -> &'a Seen {
    let mut found = spans.iter().filter(|it| it.span.name == name);
    let first = found.next().unwrap_or_else(|| panic!("{name} is not among {:?}", paths(spans)));
    assert!(found.next().is_none(), "{name} is there twice");
    first
}

fn has(attributes: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(attributes.get(*name).map(String::as_str), Some(*value), "{name} in {attributes:#?}");
    }
}

/// The spans that the model's server was told of are those of the two calls.
fn goes_on(fake: &FakeGemini, spans: &[Seen]) {
    let asked = fake.requests();
    let mut told: Vec<_> =
        asked.iter().map(|it| it.header("traceparent").expect("it is sent").to_owned()).collect();
    let calls = spans.iter().filter(|it| it.span.name.starts_with("chat "));
    let mut calls: Vec<_> = calls.map(|it| format!("00-{TRACE}-{}-01", hex(&it.span.span_id))).collect();
    told.sort();
    calls.sort();
    assert_eq!(told, calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_translation_over_rest_is_one_trace() {
    for combination in Combination::all() {
        let (fake, collector) = (translator().await, Collector::start().await);
        let telemetry =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.http), ("OTEL_RESOURCE_ATTRIBUTES", "a.b=c, d=e f")];
        let program = start(combination, &fake, &telemetry);
        let request = Client::new().post(format!("http://{}/translate", program.address));
        let request = request.header("traceparent", traceparent("01")).header("user-agent", "test/1");
        let response = request.json(&json!({"text": "Hello"})).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let answered = |line: &Value| (line["message"] == "answered").then(|| line.clone());
        let line = program.find(answered);

        let spans = spans_of(program, &collector).await;
        assert_eq!(paths(&spans), translation("POST /translate"), "{combination}");
        goes_on(&fake, &spans);

        let server = one(&spans, "POST /translate");
        assert_eq!(server.span.kind(), SpanKind::Server);
        has(
            &server.attributes,
            &[
                ("http.request.method", "POST"),
                ("http.route", "/translate"),
                ("http.response.status_code", "200"),
                ("url.path", "/translate"),
                ("url.scheme", "http"),
                ("client.address", "127.0.0.1"),
                ("user_agent.original", "test/1"),
                ("request_id", &id),
            ],
        );
        has(
            &server.resource,
            &[
                ("service.name", "genkit-endpoints"),
                ("a.b", "c"),
                ("d", "e f"),
                ("telemetry.sdk.language", "rust"),
            ],
        );
        // The log is found by the same ids.
        assert_eq!(line["trace_id"], TRACE);
        assert_eq!(line["span_id"], hex(&server.span.span_id));

        let calls = spans.iter().filter(|it| it.span.name == "chat gemini-2.5-flash");
        for call in calls {
            assert_eq!(call.span.kind(), SpanKind::Client);
            has(
                &call.attributes,
                &[
                    ("gen_ai.operation.name", "chat"),
                    ("gen_ai.provider.name", "gcp.gemini"),
                    ("gen_ai.request.model", "gemini-2.5-flash"),
                    ("gen_ai.response.model", "gemini-2.5-flash"),
                    ("genkit:state", "success"),
                ],
            );
            assert!(call.attributes["gen_ai.usage.input_tokens"].parse::<u64>().unwrap() > 0);
            assert!(call.attributes["gen_ai.usage.output_tokens"].parse::<u64>().unwrap() > 0);
        }
        let flow = one(&spans, "translate_text");
        has(&flow.attributes, &[("genkit:name", "translate_text"), ("genkit:state", "success")]);
        let everything = format!("{spans:?}");
        for secret in ["Bonjour", "Hello", "AIza-secret"] {
            assert!(!everything.contains(secret), "{secret} is in the trace");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_translation_over_grpc_is_the_same_trace() {
    for protocol in ["http/protobuf", "grpc"] {
        let (fake, collector) = (translator().await, Collector::start().await);
        let endpoint = if protocol == "grpc" { &collector.grpc } else { &collector.http };
        let telemetry =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", &**endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let program = start(Combination::native("axum"), &fake, &telemetry);
        let mut client = procedures(&program).await;
        let mut request =
            tonic::Request::new(TranslateRequest { text: "Hello".into(), ..Default::default() });
        request.metadata_mut().insert("traceparent", traceparent("01").parse().unwrap());
        client.translate_text(request).await.unwrap();
        drop(client);

        let spans = spans_of(program, &collector).await;
        let name = "genkit.sample.v1.GenkitService/TranslateText";
        assert_eq!(paths(&spans), translation(name), "{protocol}");
        goes_on(&fake, &spans);
        let server = one(&spans, name);
        assert_eq!(server.span.kind(), SpanKind::Server);
        has(&server.attributes, &[("rpc.system.name", "grpc"), ("rpc.response.status_code", "OK")]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_in_and_comes_out_is_sent_where_that_is_asked_for() {
    let (fake, collector) = (translator().await, Collector::start().await);
    let telemetry = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.http),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true"),
        ("LOG_LEVEL", "trace"),
    ];
    let program = start(Combination::native("poem"), &fake, &telemetry);
    let request = Client::new().post(format!("http://{}/translate", program.address));
    let request = request.header("traceparent", traceparent("01")).json(&json!({"text": "Hello"}));
    assert_eq!(request.send().await.unwrap().status(), 200);

    let spans = spans_of(program, &collector).await;
    let of = |span: &Seen, name: &str| -> Value {
        let json = span.attributes.get(name).unwrap_or_else(|| panic!("{name} in {:?}", span.attributes));
        serde_json::from_str(json).unwrap()
    };
    let flow = one(&spans, "translate_text");
    assert_eq!(of(flow, "genkit:input")["text"], "Hello");
    assert_eq!(of(flow, "genkit:output")["translated_text"], "Bonjour");
    let tool = one(&spans, "execute_tool get_current_time");
    assert_eq!(of(tool, "genkit:input"), json!({}));
    assert!(of(tool, "genkit:output").is_object());
    let calls: Vec<_> = spans.iter().filter(|it| it.span.name.starts_with("chat ")).collect();
    let asked =
        calls.iter().map(|it| of(it, "gen_ai.input.messages")).max_by_key(|it| it.as_array().unwrap().len());
    let asked = asked.unwrap();
    let kinds: Vec<_> = asked.as_array().unwrap().iter().map(|it| &it["parts"][0]["type"]).collect();
    assert!(kinds.ends_with(&[&json!("tool_call"), &json!("tool_call_response")]), "{asked:#}");
    let answered = calls.iter().map(|it| of(it, "gen_ai.output.messages"));
    assert_eq!(answered.filter(|it| it[0]["finish_reason"] == "tool_call").count(), 1);
    assert!(calls.iter().any(|it| it.attributes["genkit:output"].contains("Bonjour")), "{calls:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_in_its_trace_until_its_end() {
    let fake = FakeGemini::builder().chunk_delay(Duration::from_millis(30)).start().await;
    let collector = Collector::start().await;
    for combination in Combination::all() {
        let collector_here = Collector::start().await;
        let program = start(combination, &fake, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector_here.http)]);
        let request = Client::new().post(format!("http://{}/tell-story/stream", program.address));
        let request = request.header("traceparent", traceparent("01")).json(&json!({}));
        let began = Instant::now();
        let text = request.send().await.unwrap().text().await.unwrap();
        let took = began.elapsed();
        assert!(text.contains("\"done\":true"), "{text}");
        let spans = spans_of(program, &collector_here).await;
        let server = one(&spans, "POST /tell-story/stream");
        let lasted = server.span.end_time_unix_nano - server.span.start_time_unix_nano;
        assert!(Duration::from_nanos(lasted) > took / 2, "{combination}: {lasted} of {took:?}");
        let call = spans.iter().find(|it| it.span.name.starts_with("chat ")).expect("the model is asked");
        assert!(call.attributes.contains_key("gen_ai.response.time_to_first_chunk"), "{call:#?}");
        assert_eq!(path(&spans, call).last().unwrap(), CALLER, "{combination}: {:?}", paths(&spans));
    }
    let program =
        start(Combination::native("poem"), &fake, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.http)]);
    let mut client = procedures(&program).await;
    let mut request = tonic::Request::new(StoryRequest::default());
    request.metadata_mut().insert("traceparent", traceparent("01").parse().unwrap());
    let mut stream = client.tell_story(request).await.unwrap().into_inner();
    while stream.message().await.unwrap().is_some() {}
    drop((stream, client));
    let spans = spans_of(program, &collector).await;
    let call = spans.iter().find(|it| it.span.name.starts_with("chat ")).expect("the model is asked");
    assert!(
        path(&spans, call).contains(&"genkit.sample.v1.GenkitService/TellStory".to_owned()),
        "{:?}",
        paths(&spans)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_one_in_its_trace_and_a_clients_mistake_is_none() {
    let (fake, collector) = (FakeGemini::start().await, Collector::start().await);
    fake.on(Matcher::any(), Reply::blocked("SAFETY"));
    let program =
        start(Combination::native("actix"), &fake, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.http)]);
    let client = Client::new();
    for (route, body) in [("/tell-joke", json!({})), ("/tell-joke", json!([])), ("/no/such?a=b", json!({}))] {
        let request = client.post(format!("http://{}{route}", program.address));
        request.header("traceparent", traceparent("01")).json(&body).send().await.unwrap();
    }
    let spans = spans_of(program, &collector).await;
    let status = |it: &Seen| it.span.status.as_ref().map_or(StatusCode::Unset, Status::code);
    let servers: Vec<_> = spans.iter().filter(|it| it.span.kind() == SpanKind::Server).collect();
    assert_eq!(servers.len(), 3);
    // Who makes up paths makes up no names of spans.
    let unknown = servers.iter().find(|it| it.span.name == "POST").expect("a path without a route");
    has(&unknown.attributes, &[("http.response.status_code", "404"), ("url.path", "/no/such")]);
    assert!(servers.iter().all(|it| status(it) == StatusCode::Unset), "{servers:#?}");
    let call = one(&spans, "chat gemini-2.5-flash");
    assert_eq!(status(call), StatusCode::Error);
    has(&call.attributes, &[("error.type", "refused"), ("genkit:state", "error")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_sampled_costs_no_span_but_keeps_the_trace() {
    let (fake, collector) = (translator().await, Collector::start().await);
    let program =
        start(Combination::native("axum"), &fake, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.http)]);
    let ask = async |flags: &str| {
        let request = Client::new().post(format!("http://{}/translate", program.address));
        let request = request.header("traceparent", traceparent(flags)).json(&json!({"text": flags}));
        assert_eq!(request.send().await.unwrap().status(), 200);
    };
    ask("00").await;
    let told = fake.requests().last().unwrap().header("traceparent").unwrap().to_owned();
    assert!(told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-00"), "{told}");
    ask("01").await;
    assert_eq!(spans_of(program, &collector).await.len(), translation("").len());
}

/// A collector that is away, that never answers, and one that refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_fails_costs_no_answer() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let fake = translator().await;
    let refusing = fake.origin();
    for (protocol, endpoint) in [
        ("http/protobuf", "http://127.0.0.1:9"),
        ("http/protobuf", &*silent),
        ("http/protobuf", &*refusing),
        ("grpc", "http://127.0.0.1:9"),
        ("grpc", &*silent),
    ] {
        let telemetry =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let mut program = start(Combination::native("axum"), &fake, &telemetry);
        for number in 0..20 {
            let request = Client::new().post(format!("http://{}/translate", program.address));
            let response = request.json(&json!({"text": format!("{number}")})).send().await.unwrap();
            assert_eq!(response.status(), 200, "{protocol} {endpoint}");
        }
        program.signal("TERM");
        // The grace is not waited for: nothing is under way.
        assert_eq!(program.wait(Duration::from_secs(4)).await, Some(0), "{protocol} {endpoint}");
    }
}
