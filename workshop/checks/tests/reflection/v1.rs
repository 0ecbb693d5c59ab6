//! Version 1: a file, and a server that the tools ask.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::tools::Telemetry;
use crate::world::{Folder, has_null, place};

const DEV: (&str, &str) = ("GENKIT_ENV", "dev");
const ANY: (&str, &str) = ("GENKIT_REFLECTION_PORT", "0");

async fn get(url: &str, path: &str) -> Response {
    Client::new().get(format!("{url}{path}")).send().await.unwrap()
}

async fn post(url: &str, path: &str, body: &Value) -> Response {
    Client::new().post(format!("{url}{path}")).json(body).send().await.unwrap()
}

fn header(response: &Response, name: &str) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_is_found_on_a_development_machine_only() {
    let folder = Folder::new();
    let mut production = folder.start(&[ANY]);
    let mut off = folder.start(&[DEV, ANY, ("GENKIT_REFLECTION_ENABLED", "false")]);
    for program in [&mut production, &mut off] {
        assert_eq!(get(&format!("http://{}", program.address), "/health").await.status(), 200);
        assert!(folder.found().is_empty());
        program.signal("TERM");
        assert_eq!(program.wait(Duration::from_secs(10)).await, Some(0));
    }

    let mut program = folder.start(&[DEV, ANY]);
    let url = place(&program);
    let found = folder.found();
    assert_eq!(found.len(), 1, "{found:?}");
    let about = &found[0];
    assert_eq!(about["reflectionServerUrl"], url);
    assert_eq!(about["reflectionApiSpecVersion"], 1);
    let id = about["id"].as_str().unwrap();
    assert_eq!(get(&url, &format!("/api/__health?id={id}")).await.text().await.unwrap(), "OK");
    assert_eq!(get(&url, "/api/__health").await.status(), 200);
    let other = get(&url, "/api/__health?id=1-3100").await;
    assert_eq!(other.status(), 503, "the file of a program that was killed is not to lead here");

    program.signal("TERM");
    assert_eq!(program.wait(Duration::from_secs(10)).await, Some(0));
    assert!(folder.found().is_empty(), "the file is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_listed_has_keys_and_schemas_and_nothing_null() {
    let folder = Folder::new();
    let program = folder.start(&[DEV, ANY]);
    let url = place(&program);
    let response = get(&url, "/api/actions").await;
    assert_eq!(header(&response, "x-genkit-version"), "rust/0.1.0");
    let listed: Value = response.json().await.unwrap();
    let some = ["/flow/tell_joke", "/model/demo", "/tool/get_current_time", "/prompt/code_review"];
    for key in some.into_iter().chain(["/executable-prompt/code_review", "/util/generate"]) {
        assert_eq!(listed[key]["key"], key);
    }
    for (key, action) in listed.as_object().unwrap() {
        for member in ["key", "name", "description", "metadata"] {
            assert!(!action.get(member).is_some_and(has_null), "{key}: {action}");
        }
    }
    assert_eq!(listed["/flow/tell_joke"]["inputSchema"]["type"], "object");
    let values: Value = get(&url, "/api/values?type=defaultModel").await.json().await.unwrap();
    assert_eq!(values["defaultModel"]["name"], "demo");
    assert_eq!(get(&url, "/api/values").await.status(), 400);
    assert_eq!(get(&url, "/api/values?type=x").await.status(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_has_its_trace_in_its_head_and_its_spans_are_there_before_its_end() {
    let (folder, telemetry) = (Folder::new(), Telemetry::start().await);
    let program = folder.start(&[DEV, ANY, ("GENKIT_ENABLE_REALTIME_TELEMETRY", "true")]);
    let url = place(&program);
    let told = json!({"telemetryServerUrl": telemetry.url, "reflectionApiSpecVersion": 1});
    assert_eq!(post(&url, "/api/notify", &told).await.text().await.unwrap(), "OK");

    let asked = json!({
        "key": "/flow/tell_story", "input": {"topic": "Zoë"}, "telemetryLabels": {"genkitx:a": "b"},
    });
    let response = post(&url, "/api/runAction", &asked).await;
    let trace = header(&response, "x-genkit-trace-id");
    assert_eq!((trace.len(), header(&response, "x-genkit-span-id").len()), (32, 16));
    let body: Value = response.json().await.unwrap();
    assert!(body["result"]["story"].as_str().unwrap().contains("Zoë"));
    assert_eq!(body["telemetry"]["traceId"], trace);

    let posts = telemetry.of(&trace);
    assert!(!posts.iter().any(has_null), "{posts:?}");
    let spans = || posts.iter().flat_map(|it| it["spans"].as_object().unwrap().values());
    let roots: Vec<_> = spans().filter(|it| it.get("parentSpanId").is_none()).collect();
    assert_eq!(roots[0]["endTime"], 0, "it was sent when it began");
    let root = roots.last().unwrap();
    assert_eq!(root["displayName"], "tell_story");
    assert!(root["endTime"].as_f64() > root["startTime"].as_f64(), "and when it ended: {root}");
    let attributes = &root["attributes"];
    assert_eq!(attributes["genkit:path"], "/{tell_story,t:flow}");
    assert_eq!(attributes["genkit:isRoot"], true);
    assert_eq!(attributes["genkit:state"], "success");
    assert_eq!(attributes["genkitx:a"], "b");
    assert!(attributes["genkit:input"].as_str().unwrap().contains("Zoë"));
    assert!(attributes["genkit:output"].as_str().unwrap().contains("story"));
    for post in &posts {
        let of_post = post["spans"].as_object().unwrap().values();
        let root = of_post.into_iter().find(|it| it.get("parentSpanId").is_none());
        assert_eq!(post.get("displayName").is_some(), root.is_some());
        assert_eq!(post.get("endTime").is_some(), root.is_some_and(|it| it["endTime"] != 0), "{post}");
    }
    let model = spans().rfind(|it| it["attributes"]["genkit:metadata:subtype"] == "model").unwrap();
    let path = "/{tell_story,t:flow}/{generate,t:util}/{demo,t:action,s:model}";
    assert_eq!(model["attributes"]["genkit:path"], path);
    assert!(model["attributes"]["genkit:input"].as_str().unwrap().contains("\"messages\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_has_whole_lines_and_none_at_its_end() {
    let folder = Folder::new();
    let program = folder.start(&[DEV, ANY]);
    let url = place(&program);
    let asked = json!({"key": "/flow/tell_story", "input": {"topic": "déjà vu"}});
    let response = post(&url, "/api/runAction?stream=true", &asked).await;
    assert_eq!(header(&response, "content-type"), "text/plain");
    let body = response.text().await.unwrap();
    let lines: Vec<&str> = body.split('\n').collect();
    let (end, chunks) = lines.split_last().unwrap();
    let end: Value = serde_json::from_str(end).expect("the last line has no end");
    let said: String = chunks.iter().map(|it| serde_json::from_str::<String>(it).unwrap()).collect();
    assert!(chunks.len() > 2);
    assert_eq!(end["result"]["story"], said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_have_a_canonical_code_and_details_that_are_an_object() {
    let folder = Folder::new();
    let program = folder.start(&[DEV, ANY]);
    let url = place(&program);
    for stream in ["", "?stream=true"] {
        let asked = json!({"key": "/flow/tell_joke", "input": {"username": 5}});
        let response = post(&url, &format!("/api/runAction{stream}"), &asked).await;
        assert_eq!(response.status(), 200);
        let trace = header(&response, "x-genkit-trace-id");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], 3);
        assert_eq!(body["error"]["details"]["traceId"], trace);
        assert!(body["error"]["details"]["stack"].is_string());
        let unknown = post(&url, &format!("/api/runAction{stream}"), &json!({"key": "/flow/x"})).await;
        assert_eq!(unknown.status(), 404);
        let body: Value = unknown.json().await.unwrap();
        assert_eq!((body["code"].as_i64(), body["details"].is_object()), (Some(5), true));
    }
    let missing = post(&url, "/api/cancelAction", &json!({})).await;
    assert_eq!(missing.status(), 400);
    let none = post(&url, "/api/cancelAction", &json!({"traceId": "x"})).await;
    assert_eq!(none.status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_cancelled_by_its_trace_or_by_the_end_of_the_server() {
    let folder = Folder::new();
    let mut program = folder.start(&[DEV, ANY]);
    let url = place(&program);
    for (code, by_signal) in [(1, false), (14, true)] {
        let asked = json!({"key": "/flow/tell_story"});
        let response = post(&url, "/api/runAction?stream=true", &asked).await;
        let trace = header(&response, "x-genkit-trace-id");
        let mut body = response.bytes_stream();
        let mut text = body.next().await.unwrap().unwrap().to_vec();
        if by_signal {
            program.signal("TERM");
        } else {
            let cancelled = post(&url, "/api/cancelAction", &json!({"traceId": trace})).await;
            let cancelled: Value = cancelled.json().await.unwrap();
            assert_eq!(cancelled["message"], "Action cancelled");
        }
        while let Some(bytes) = body.next().await {
            text.extend_from_slice(&bytes.unwrap());
        }
        let text = String::from_utf8(text).unwrap();
        let end: Value = serde_json::from_str(text.rsplit('\n').next().unwrap()).unwrap();
        assert_eq!(end["error"]["code"], code, "{end}");
        assert_eq!(end["error"]["details"]["traceId"], trace);
    }
    assert_eq!(program.wait(Duration::from_secs(10)).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_asked_for_and_no_web_page_gets_in() {
    let folder = Folder::new();
    let program = folder.start(&[DEV, ANY, ("GENKIT_REFLECTION_SECRET_TOKEN", "abc")]);
    let url = place(&program);
    let refused = get(&url, "/api/actions").await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.text().await.unwrap(), "");
    assert_eq!(get(&url, "/api/__health").await.status(), 200);
    let client = Client::new();
    let actions = || client.get(format!("{url}/api/actions")).header("x-genkit-reflection-secret", "abc");
    assert_eq!(actions().send().await.unwrap().status(), 200);
    let page =
        [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site"), ("host", "evil.example")];
    for (name, value) in page {
        assert_eq!(actions().header(name, value).send().await.unwrap().status(), 403, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_over_http_is_a_trace_of_its_flow_and_the_tools_can_end_the_program() {
    let (folder, telemetry) = (Folder::new(), Telemetry::start().await);
    let mut program = folder.start(&[DEV, ANY, ("GENKIT_TELEMETRY_SERVER", &telemetry.url)]);
    let url = place(&program);
    // The variable wins over what the tools say.
    post(&url, "/api/notify", &json!({"telemetryServerUrl": "http://127.0.0.1:9"})).await;
    let web = format!("http://{}", program.address);
    let response = post(&web, "/flows/tell_joke", &json!({"data": {}})).await;
    let trace = header(&response, "x-genkit-trace-id");
    assert_eq!(header(&response, "x-genkit-span-id").len(), 16);
    let mut posts = Vec::new();
    for _ in 0..100 {
        posts = telemetry.of(&trace);
        if posts.iter().any(|it| it.get("displayName").is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let root = posts.iter().find(|it| it.get("displayName").is_some()).expect("the trace has a root");
    assert_eq!(root["displayName"], "tell_joke");
    let spans: Vec<_> = posts.iter().flat_map(|it| it["spans"].as_object().unwrap().values()).collect();
    assert!(spans.iter().all(|it| it["attributes"]["genkit:type"].is_string()), "no request is shown");
    assert!(spans.iter().all(|it| it["endTime"] != 0), "without realtime, a span is sent at its end");

    assert_eq!(get(&url, "/api/__quitquitquit").await.text().await.unwrap(), "OK");
    assert_eq!(program.wait(Duration::from_secs(10)).await, Some(0));
}
