//! What a request passes before a flow sees it.

use super::{Case, Profile, bare, get, post};

pub fn cases() -> Vec<Case> {
    let joke = |name| post(name, "/tell-joke", "{}");
    let preflight = |name| {
        bare(name, "OPTIONS", "/tell-joke")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
    };
    vec![
        joke("a-request-id-is-kept").header("x-request-id", "client-id-1"),
        get("a-request-id-is-kept-on-errors", "/nope").header("x-request-id", "client-id-2"),
        joke("a-request-id-with-a-space-is-replaced").header("x-request-id", "a b"),
        joke("a-request-id-too-long-is-replaced").header("x-request-id", &"x".repeat(129)),
        joke("no-api-key").on(Profile::Keys),
        joke("a-wrong-api-key").on(Profile::Keys).header("authorization", "Bearer guess"),
        joke("an-api-key-without-its-scheme").on(Profile::Keys).header("authorization", "sesame"),
        joke("a-right-api-key-is-no-user").on(Profile::Keys).header("authorization", "Bearer sesame"),
        post("no-api-key-for-a-flow-by-name", "/flows/tell_joke", "{}").on(Profile::Keys),
        get("probes-need-no-api-key", "/health").on(Profile::Keys),
        get("an-unknown-path-needs-an-api-key", "/nope").on(Profile::Keys),
        joke("an-untrusted-host").on(Profile::Hosts).header("host", "evil.example"),
        get("an-untrusted-host-for-a-probe", "/health").on(Profile::Hosts).header("host", "evil.example"),
        joke("a-trusted-host-with-a-port").on(Profile::Hosts).header("host", "API.example.com:8080"),
        joke("a-trusted-host-by-wildcard").on(Profile::Hosts).header("host", "eu.internal.example"),
        joke("the-rate-limit").on(Profile::Rate),
        get("probes-have-no-rate-limit", "/health").on(Profile::Rate),
        preflight("a-preflight-where-no-page-may-call"),
        preflight("a-preflight-from-a-page-that-may-call").on(Profile::Cors),
        preflight("a-preflight-while-debugging").on(Profile::Debug),
        preflight("a-preflight-needs-no-api-key").on(Profile::Keys),
        joke("a-call-from-a-page-that-may-call").on(Profile::Cors).header("origin", "https://app.example"),
        joke("a-call-from-another-page").on(Profile::Cors).header("origin", "https://app.example.evil"),
        post("a-page-may-read-its-errors", "/tell-joke", "")
            .on(Profile::Cors)
            .header("origin", "https://app.example"),
        joke("new-work-while-draining").on(Profile::Draining),
        post("a-flow-by-name-while-draining", "/flows/tell_joke", "{}").on(Profile::Draining),
        get("not-ready-while-draining", "/ready").on(Profile::Draining),
        get("alive-while-draining", "/health").on(Profile::Draining),
        get("the-openapi-document", "/openapi.json").on(Profile::Debug),
        get("the-swagger-page", "/docs").on(Profile::Debug),
        bare("head-of-the-swagger-page", "HEAD", "/docs").on(Profile::Debug),
        get("the-reference-page", "/redoc").on(Profile::Debug),
        get("a-documentation-file-that-does-not-exist", "/docs/nope.js").on(Profile::Debug),
        post("documentation-is-only-read", "/openapi.json", "{}").on(Profile::Debug),
    ]
}
