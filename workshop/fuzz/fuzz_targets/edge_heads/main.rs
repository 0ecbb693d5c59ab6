//! Request heads: a line of six characters that choose the settings and the connection, then a head as HTTP/1.1
//! writes it.
//!
//! What the edge decides and says is held against `model.rs`, which is the contract written down a second time. Who
//! the client is cannot be seen from outside, but who is counted can: a second request, straight from the address the
//! model names, must find its only permit used up.

#![no_main]

mod model;
mod request;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow_edge::drain::Drain;
use flow_edge::edge::{ApiKeys, Call, CorsConfig, Entry, Outgoing, TrustedHosts, TrustedProxies};
use flow_edge::{Edge, EdgeConfig, Head};
use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

/// What came of a request.
#[derive(Debug, PartialEq)]
struct Answer {
    /// 200 if the edge lets it through.
    status: u16,
    headers: Vec<(String, String)>,
    request_id: String,
    display_name: Option<String>,
    has_tenant: bool,
    compresses: bool,
}

fn send(edge: &Arc<Edge>, setup: &Setup, request: &Request) -> Answer {
    let headers = request.headers();
    let head = Head {
        method: &request.method,
        uri: &request.target,
        version: setup.version,
        headers: &headers,
        peer: setup.peer,
        encrypted: setup.https,
    };
    let (call, status, headers, compresses) = if setup.rpc { call(edge, head) } else { ask(edge, head) };
    for name in headers.keys() {
        assert_eq!(headers.get_all(name).iter().count(), 1, "a header twice: {name}");
    }
    let text = |it: &HeaderValue| it.to_str().expect("a value of ours is text").to_owned();
    let headers = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Answer { status: status.as_u16(), headers, compresses, ..call }
}

/// What the edge knows of a call.
fn known(call: &Call) -> Answer {
    Answer {
        status: 0,
        headers: Vec::new(),
        request_id: call.ctx.request_id.to_string(),
        display_name: call.ctx.display_name.as_deref().map(str::to_owned),
        has_tenant: call.ctx.tenant.is_some(),
        compresses: false,
    }
}

/// Asks for a resource. Whatever comes of it leaves with a body that is worth compressing, on a connection that may
/// stay, so that what the edge makes of both can be seen.
fn ask(edge: &Arc<Edge>, head: Head<'_>) -> (Answer, StatusCode, HeaderMap, bool) {
    let (call, status, mut headers) = match edge.enter(head).now_or_never().expect("never waits") {
        Entry::Passed(call) => (call, StatusCode::OK, HeaderMap::new()),
        Entry::Refused(call, answer) => {
            if answer.status() != StatusCode::NO_CONTENT {
                assert!(answer.headers()[CONTENT_TYPE].to_str().is_ok_and(|it| it.ends_with("json")));
                serde_json::from_slice::<serde_json::Value>(fuzz::bytes(&answer)).expect("a refusal is JSON");
            }
            let (parts, _) = answer.into_parts();
            (call, parts.status, parts.headers)
        }
    };
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
    let known = known(&call);
    let sent = Bytes::from_static(&[b'a'; 5000]);
    let body = call.leave(status, &mut headers, Full::new(sent.clone())).now_or_never();
    let compresses = headers.contains_key(CONTENT_ENCODING);
    match body.expect("a whole body is there") {
        Outgoing::Whole(bytes) => assert!(compresses && bytes.starts_with(b"\x1f\x8b")),
        Outgoing::Same(_) => assert!(!compresses),
        Outgoing::Head(_) => assert!(!compresses && *head.method == Method::HEAD),
    }
    (known, status, headers, compresses)
}

/// Calls a procedure, as a browser does.
fn call(edge: &Arc<Edge>, head: Head<'_>) -> (Answer, StatusCode, HeaderMap, bool) {
    let (call, status) = match edge.enter_rpc(head, false).now_or_never().expect("never waits") {
        Entry::Passed(call) => (call, StatusCode::OK),
        Entry::Refused(call, error) => (call, StatusCode::from_u16(error.kind.row().http).expect("a status")),
    };
    let mut headers = HeaderMap::new();
    call.rpc_headers(&mut headers, true);
    let known = known(&call);
    call.close_rpc(0);
    (known, status, headers, false)
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// Without what is new in every answer.
    fn repeatable(mut self, sent_id: bool) -> Self {
        if !sent_id {
            self.request_id.clear();
            self.headers.retain(|it| it.0 != "x-request-id");
        }
        self
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((setup, [b'\n', head @ ..])) = data.split_first_chunk() else { return };
    let setup = Setup::read(setup);
    let Some(request) = Request::read(head) else { return };
    let edge = setup.edge();
    let answer = send(&edge, &setup, &request);

    let expected = model::expect(&setup, &request);
    assert_eq!(answer.status, expected.status, "{expected:?}");
    for (name, value) in &expected.headers {
        assert_eq!(answer.header(name), value.as_deref(), "{name}");
    }
    if let Some(compresses) = expected.compresses {
        assert_eq!(answer.compresses, compresses);
    }
    assert_eq!(answer.has_tenant, setup.keys && expected.has_key && expected.reaches_keys);

    let sent_id = model::request_id(&request);
    match sent_id {
        Some(id) => assert_eq!(answer.request_id, id),
        None => {
            let id: uuid::Uuid = answer.request_id.parse().expect("a UUID");
            assert_eq!((id.get_version_num(), id.to_string()), (4, answer.request_id.clone()));
        }
    }
    assert_eq!(answer.header("x-request-id"), Some(&*answer.request_id));
    check_name(&setup, answer.display_name.as_deref());
    check_count(&edge, &setup, &expected);

    // RFC 7239's header nobody believes, whoever wrote it; the other two only from trusted proxies.
    let mute: &[_] = match expected.believes_headers {
        true => &["forwarded"],
        false => &["forwarded", "x-forwarded-for", "x-forwarded-proto"],
    };
    if mute.iter().any(|it| request.lines(it) > 0) {
        let again = send(&setup.edge(), &setup, &request.clone().without(mute));
        let (answer, again) = (answer.repeatable(sent_id.is_some()), again.repeatable(sent_id.is_some()));
        assert_eq!(answer, again, "a stranger's word counts");
    }
});

/// A display name goes into prompts and answers: it is short, one line, and no credential.
fn check_name(setup: &Setup, name: Option<&str>) {
    let Some(name) = name else { return };
    assert!(!setup.keys, "where there are keys, the header holds one");
    assert!(!name.is_empty() && name.chars().count() <= 200 && !name.chars().any(char::is_control));
    let scheme = name.split_whitespace().next().unwrap_or_default();
    for credential in ["Bearer", "Basic", "Digest", "Negotiate", "Token", "ApiKey"] {
        assert!(!scheme.eq_ignore_ascii_case(credential), "a credential is no name: {name:?}");
    }
}

/// Whoever was counted has one permit less, and nobody else.
fn check_count(edge: &Arc<Edge>, setup: &Setup, expected: &model::Expected) {
    if setup.limit != Some("1/day") {
        return;
    }
    let authorization = format!("Bearer {KEY}");
    let host = if setup.hosts == ["*.example.com"] { "a.example.com" } else { "127.0.0.1" };
    let request = Request {
        method: Method::POST,
        target: Uri::from_static("/chat"),
        lines: [("host", host), ("authorization", &authorization)]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .into(),
    };
    let ask = |peer| {
        let setup = Setup { peer: Some(peer), ..setup.clone() };
        send(edge, &setup, &request).status == 429
    };
    if let Some(client) = expected.client {
        assert_eq!(ask(client), expected.is_counted, "{client} was the client");
    }
    let bystander = IpAddr::from([198, 51, 100, 77]);
    if expected.client != Some(bystander) {
        assert!(!ask(bystander), "somebody else was counted");
    }
}
