//! REST, streams, gRPC and gRPC-Web through one port, on every compiled framework.

use conformance::proto::test_flows_server::SERVICE_NAME;
use conformance::proto::{HealthRequest, NoteRequest, TopicRequest};
use conformance::routes::COMPILED_IN;
use fake_gemini::{FakeGemini, Matcher, Reply};
use reqwest::Method;
use tonic::Code;

use crate::leaks::KEY;
use crate::server::{Server, read};
use crate::wire::{frame, send, web_frames};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_port_serves_everything_on_every_framework() {
    let http1 = reqwest::Client::builder().http1_only().no_proxy().build().unwrap();
    let http2 = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let fake = FakeGemini::builder().lenient().start().await;
    fake.on(Matcher::prompt("sentences"), Reply::chunks(["One. Two", ". Three", ". Four"]));
    fake.otherwise(Reply::text("Ha."));
    let url = fake.url();
    for adapter in COMPILED_IN {
        let environment = [
            ("GEMINI_API_KEY", KEY),
            ("GEMINI_BASE_URL", &*url),
            ("SINGLE_PORT", "true"),
            ("CORS_ALLOWED_ORIGINS", "*"),
        ];
        let server = Server::start(*adapter, &environment);
        let (who, to) = (adapter.name, server.rest);
        assert_eq!(to, server.grpc, "{who}");
        let json = [("content-type", "application/json")];
        for (client, version) in [(&http1, "HTTP/1.1"), (&http2, "h2c")] {
            let answer = send(client, Method::GET, to, "/health", &[], Vec::new()).await;
            assert_eq!(
                (answer.http, answer.body.as_slice()),
                (200, &b"{\"status\":\"ok\"}"[..]),
                "{who} {version}"
            );
            let answer = send(client, Method::POST, to, "/write-note", &json, b"{}".to_vec()).await;
            assert_eq!(
                (answer.http, answer.header("content-type")),
                (200, Some("application/json")),
                "{who} {version}"
            );
            let answer = send(client, Method::POST, to, "/stream-sentences", &json, b"{}".to_vec()).await;
            let text = String::from_utf8(answer.body).unwrap();
            assert!(
                text.starts_with("data: {\"chunk\":") && text.contains("\"done\":true"),
                "{who} {version}: {text}"
            );
            assert_eq!(
                send(client, Method::POST, to, "/nope", &json, b"{}".to_vec()).await.http,
                404,
                "{who}"
            );
        }

        let mut client = server.client().await;
        let note = client.write_note(NoteRequest::default()).await.unwrap().into_inner().note;
        assert!(!note.is_empty(), "{who}");
        let (chunks, status) =
            read(client.stream_sentences(TopicRequest::default()).await, |it| it.text).await;
        assert!(chunks.len() > 2 && status.is_none(), "{who}");

        for client in [&http1, &http2] {
            web(client, &server, who, "application/grpc-web+proto", &note).await;
        }
        web(&http1, &server, who, "application/grpc-web-text", &note).await;
        preflight(&http1, &server, who).await;
    }
}

/// gRPC-Web: a call, a stream and a fault, read as bytes.
async fn web(client: &reqwest::Client, server: &Server, who: &str, content_type: &str, note: &str) {
    let is_text = content_type.contains("text");
    let headers =
        [("content-type", content_type), ("accept", content_type), ("origin", "https://app.example.com")];
    let post = async |method: &str, message: &[u8]| {
        let body = if is_text { base64(&frame(message)).into_bytes() } else { frame(message) };
        let path = format!("/{SERVICE_NAME}/{method}");
        let mut answer = send(client, Method::POST, server.grpc, &path, &headers, body).await;
        assert_eq!(answer.http, 200, "{who}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{who}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("Grpc-Status"), "{who}: {exposed}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{who}");
        assert!(answer.header("content-type").unwrap().starts_with("application/grpc-web"), "{who}");
        if is_text {
            answer.body = unbase64(&answer.body);
        }
        answer
    };
    let (messages, trailers) = web_frames(&post("WriteNote", &[]).await.body);
    assert!(trailers.contains("grpc-status:0"), "{who}: {trailers}");
    assert!(String::from_utf8_lossy(&messages[0]).contains(note), "{who}");
    let (messages, trailers) = web_frames(&post("StreamSentences", &[]).await.body);
    assert!(messages.len() > 2 && trailers.contains("grpc-status:0"), "{who}: {trailers}");
    // FactsRequest.language
    let fault = post("ExtractFacts", &crate::wire::field(2, b"no spaces")).await;
    assert_eq!(fault.status(), Some(Code::InvalidArgument as i32), "{who}: {fault:?}");
    assert!(fault.header("grpc-status-details-bin").is_some(), "{who}");
}

async fn preflight(client: &reqwest::Client, server: &Server, who: &str) {
    let headers = [
        ("origin", "https://app.example.com"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-grpc-web,grpc-timeout"),
    ];
    let path = format!("/{SERVICE_NAME}/WriteNote");
    let answer = send(client, Method::OPTIONS, server.grpc, &path, &headers, Vec::new()).await;
    assert_eq!(answer.http, 204, "{who}: {answer:?}");
    let allowed = answer.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("X-Grpc-Web") && allowed.contains("Content-Type"), "{who}: {allowed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_ends_both_on_one_port() {
    let fake = FakeGemini::builder().lenient().start().await;
    let server = Server::with(&fake, &[("SINGLE_PORT", "true")]);
    let mut client = server.client().await;
    server.drain.start_draining();
    assert_eq!(client.write_note(NoteRequest::default()).await.unwrap_err().code(), Code::Unavailable);
    assert!(client.health(HealthRequest {}).await.is_ok());
    assert_eq!(server.post("/write-note", &serde_json::json!({})).await.0, 503);
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for nth in 0..4 {
            let index = (bits >> (18 - 6 * nth) & 63) as usize;
            text.push(if nth > three.len() { '=' } else { char::from(ALPHABET[index]) });
        }
    }
    text
}

/// Each frame is padded on its own, so padding also comes in the middle.
fn unbase64(text: &[u8]) -> Vec<u8> {
    text.chunks(4)
        .flat_map(|four| {
            let used = four.iter().filter(|it| **it != b'=').count();
            let bits = four.iter().fold(0u32, |bits, letter| {
                bits << 6 | (0..).zip(ALPHABET).find(|it| it.1 == letter).map_or(0, |it| it.0)
            });
            bits.to_be_bytes()[1..used].to_vec()
        })
        .collect()
}
