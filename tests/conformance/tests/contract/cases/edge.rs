//! What a request passes before a flow sees it.

use super::{Case, Profile, bare, get, post};
use crate::client::Body;

/// A request that passes every rule there is.
pub fn ordered(name: &'static str) -> Case {
    let case = post(name, "/write-note", "{}").on(Profile::Order);
    case.header("host", "api.example.com").header("authorization", "Bearer sesame")
}

/// A request that a proxy on this machine passes on.
pub fn behind_a_proxy(name: &'static str, client: &str) -> Case {
    post(name, "/write-note", "{}").on(Profile::Proxied).header("x-forwarded-for", client)
}

/// Each breaks one rule less than the one before, from the outermost on; the first that is broken answers.
fn order() -> Vec<Case> {
    let huge = || Body::Declared(1_000_000_000, b"{".to_vec());
    let nonsense = |name| {
        let case =
            bare(name, "PUT", "/nope%20").on(Profile::Order).body(huge()).header("content-type", "text/html");
        case.header("origin", "https://app.example").header("host", "evil.example")
    };
    let trusted = |name| nonsense(name).header("host", "api.example.com");
    let known = |name| trusted(name).header("authorization", "Bearer sesame");
    let unlimited = |mut case: Case| {
        case.profile = Profile::Small;
        case.request.headers.retain(|it| it.0 == "content-type");
        case
    };
    vec![
        nonsense("order-the-host-comes-first"),
        trusted("order-then-the-key"),
        known("order-then-the-rate"),
        unlimited(known("order-then-the-body")),
        unlimited(known("order-then-the-path").body(Body::None)),
        unlimited(post("order-then-the-method", "/health", "x").header("content-type", "text/html")),
        unlimited(post("order-then-the-type", "/write-note", "x").header("content-type", "text/html")),
        unlimited(post("order-then-the-form", "/write-note", "x")),
        unlimited(post("order-then-the-limits", "/write-note", r#"{"name":7}"#)),
        ordered("order-a-preflight-is-neither-known-nor-counted").preflight(),
    ]
}

pub fn cases() -> Vec<Case> {
    [single(), order()].concat()
}

fn single() -> Vec<Case> {
    let note = |name| post(name, "/write-note", "{}");
    let long = |name| {
        let text = "Hello ".repeat(100);
        post(name, "/extract", serde_json::json!({"text": text, "language": "Japanese"}).to_string())
    };
    let preflight = |name| {
        bare(name, "OPTIONS", "/write-note")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
    };
    vec![
        note("a-request-id-is-kept").header("x-request-id", "client-id-1"),
        get("a-request-id-is-kept-on-errors", "/nope").header("x-request-id", "client-id-2"),
        note("a-request-id-with-a-space-is-replaced").header("x-request-id", "a b"),
        note("a-request-id-too-long-is-replaced").header("x-request-id", &"x".repeat(129)),
        note("no-api-key").on(Profile::Keys),
        note("a-wrong-api-key").on(Profile::Keys).header("authorization", "Bearer guess"),
        note("an-api-key-without-its-scheme").on(Profile::Keys).header("authorization", "sesame"),
        note("a-right-api-key-is-no-user").on(Profile::Keys).header("authorization", "Bearer sesame"),
        post("no-api-key-for-a-flow-by-name", "/flows/write_note", "{}").on(Profile::Keys),
        get("probes-need-no-api-key", "/health").on(Profile::Keys),
        get("an-unknown-path-needs-an-api-key", "/nope").on(Profile::Keys),
        note("an-untrusted-host").on(Profile::Hosts).header("host", "evil.example"),
        note("a-host-behind-a-user").on(Profile::Hosts).header("host", "user@eu.internal.example"),
        note("a-host-behind-a-path").on(Profile::Hosts).header("host", "evil.example/.internal.example"),
        get("an-untrusted-host-for-a-probe", "/health").on(Profile::Hosts).header("host", "evil.example"),
        note("a-trusted-host-with-a-port").on(Profile::Hosts).header("host", "API.example.com:8080"),
        note("a-trusted-host-by-wildcard").on(Profile::Hosts).header("host", "eu.internal.example"),
        note("the-rate-limit").on(Profile::Rate),
        get("probes-have-no-rate-limit", "/health").on(Profile::Rate),
        preflight("a-preflight-where-no-page-may-call"),
        preflight("a-preflight-from-a-page-that-may-call").on(Profile::Cors),
        bare("a-preflight-to-a-probe", "OPTIONS", "/health")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET")
            .on(Profile::Cors),
        preflight("a-preflight-while-debugging").on(Profile::Debug),
        preflight("a-preflight-needs-no-api-key").on(Profile::Keys),
        note("a-call-from-a-page-that-may-call").on(Profile::Cors).header("origin", "https://app.example"),
        note("a-call-from-another-page").on(Profile::Cors).header("origin", "https://app.example.evil"),
        post("a-page-may-read-its-errors", "/write-note", "")
            .on(Profile::Cors)
            .header("origin", "https://app.example"),
        note("new-work-while-draining").on(Profile::Draining),
        post("a-flow-by-name-while-draining", "/flows/write_note", "{}").on(Profile::Draining),
        get("not-ready-while-draining", "/ready").on(Profile::Draining),
        get("alive-while-draining", "/health").on(Profile::Draining),
        behind_a_proxy("a-client-behind-a-proxy-has-its-own-rate", "203.0.113.1"),
        behind_a_proxy("what-a-client-forges-does-not-count", "198.51.100.9, 203.0.113.1"),
        get("a-request-by-https", "/nope")
            .on(Profile::Proxied)
            .header("x-forwarded-for", "203.0.113.1")
            .header("x-forwarded-proto", "https"),
        get("a-probe-by-https", "/health").on(Profile::Proxied).header("x-forwarded-proto", "https"),
        get("https-by-the-word-of-a-stranger", "/health").header("x-forwarded-proto", "https"),
        post("a-call-while-the-circuit-is-open", "/write-note", "{}").on(Profile::Circuit),
        post("a-stream-while-the-circuit-is-open", "/stream-sentences", "{}").on(Profile::Circuit),
        post("a-flow-by-name-while-the-circuit-is-open", "/flows/write_note", "{}").on(Profile::Circuit),
        get("ready-while-the-circuit-is-open", "/ready").on(Profile::Circuit),
        long("a-long-answer-compressed").header("accept-encoding", "br, gzip"),
        long("a-long-answer-for-who-takes-no-gzip").header("accept-encoding", "gzip;q=0, *"),
        note("a-short-answer-is-not-compressed").header("accept-encoding", "gzip"),
        post("a-stream-is-not-compressed", "/stream-sentences", "{}").header("accept-encoding", "gzip"),
        post("a-long-error-compressed", "/extract", r#"{"text":7,"language":7}"#)
            .header("accept-encoding", "gzip")
            .header("x-request-id", &"long-".repeat(25)),
        get("the-openapi-document-compressed", "/openapi.json")
            .on(Profile::Debug)
            .header("accept-encoding", "gzip"),
        bare("head-of-a-compressed-answer", "HEAD", "/openapi.json")
            .on(Profile::Debug)
            .header("accept-encoding", "gzip"),
        long("a-compressed-answer-for-another-page")
            .on(Profile::Cors)
            .header("origin", "https://app.example")
            .header("accept-encoding", "gzip"),
        get("the-openapi-document", "/openapi.json").on(Profile::Debug),
        get("a-documentation-file-that-does-not-exist", "/docs/nope.js").on(Profile::Debug),
        post("documentation-is-only-read", "/openapi.json", "{}").on(Profile::Debug),
    ]
}
