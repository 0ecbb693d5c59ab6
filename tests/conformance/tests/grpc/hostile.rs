//! What no well-made client sends: each is refused with its row of the table, none is repeated or logged.

use std::time::Duration;

use conformance::proto::test_flows_server::SERVICE_NAME;
use conformance::proto::{FactsRequest, HealthRequest};
use fake_gemini::FakeGemini;
use fake_gemini::Fault;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;
use tonic::codec::CompressionEncoding::Gzip;
use tonic_types::StatusExt;

use crate::leaks::{self, PROMPT};
use crate::server::{PATIENCE, Server, about, logs};
use crate::wire::{call, field, frame, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_over_the_limit_is_refused_also_one_that_grows_when_it_is_unpacked() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let large = |size: usize| about("x".repeat(size));
    let mebibytes = 1024 * 1024;
    let status = client.write_note(large(2 * mebibytes)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.message(), "The message is larger than 1048576 bytes.");
    assert_eq!(status.get_details_error_info().unwrap().reason, "BODY_TOO_LARGE");

    let mut packing = server.client().await.send_compressed(Gzip).accept_compressed(Gzip);
    let status = packing.write_note(large(20 * mebibytes)).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "BODY_TOO_LARGE");
    let answer = packing.write_note(about("Ahoy?")).await.unwrap();
    assert_eq!(answer.metadata().get("grpc-encoding").unwrap(), "gzip");
    assert!(!answer.into_inner().note.is_empty());

    // The limit is the message's: its frame of five bytes does not count.
    let limit = mebibytes - field(1, &vec![b'x'; 200_000]).len() + 200_000;
    let fits = client.write_note(large(limit)).await.unwrap_err();
    assert_eq!(fits.get_details_error_info().unwrap().reason, "INVALID_INPUT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_message_are_an_invalid_argument() {
    let server = Server::demo(&[]);
    let text = field(1, PROMPT.as_bytes());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("text", format!("{PROMPT} {PROMPT}").into_bytes()),
        ("a flag that is none", [&[9][..], &frame(&text)[1..]].concat()),
        ("shorter than it says", frame(&text)[..10].to_vec()),
        ("half a frame", vec![0, 0, 0]),
        ("a field that ends too late", frame(&[10, 100, b'x'])),
        ("a wire type that is none", frame(&[15, 1])),
        ("no UTF-8", frame(&field(1, &[PROMPT.as_bytes(), b"\xff\xfe"].concat()))),
        ("an overlong number", frame(&[8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1])),
    ];
    for (case, body) in cases {
        let answer = call(server.grpc, "WriteNote", &[], body).await;
        assert_eq!((answer.http, answer.status()), (200, Some(3)), "{case}: {answer:?}");
        assert_eq!(
            answer.header("grpc-message"),
            Some("The%20message%20is%20not%20of%20the%20expected%20form."),
            "{case}"
        );
        assert!(answer.header("grpc-status-details-bin").is_some(), "{case}");
    }
    // For this one fault the specification has another code ("Compressed-Flag").
    let packed = [&[1][..], &frame(&text)[1..]].concat();
    let answer = call(server.grpc, "WriteNote", &[], packed).await;
    assert_eq!((answer.http, answer.status()), (200, Some(13)), "{answer:?}");
    // What a newer client adds is no fault.
    let answer = call(server.grpc, "WriteNote", &[], frame(&field(9, b"unknown"))).await;
    assert_eq!((answer.http, answer.status()), (200, None));
    assert!(server.client().await.health(HealthRequest {}).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_call_of_ours_is_told_so() {
    let server = Server::demo(&[]);
    let empty = || frame(&[]);
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let post = reqwest::Method::POST;
    let grpc = [("content-type", "application/grpc"), ("te", "trailers")];
    for path in
        ["/nope", "/", "/nope.Service/Call", &format!("/{SERVICE_NAME}/Nope"), &format!("/{SERVICE_NAME}/")]
    {
        let answer = send(&client, post.clone(), server.grpc, path, &grpc, empty()).await;
        assert_eq!((answer.http, answer.status()), (200, Some(12)), "{path}: {answer:?}");
        assert!(answer.header("x-request-id").is_some(), "{path}");
        assert_eq!(answer.header("grpc-message"), Some("There%20is%20no%20such%20procedure."), "{path}");
    }

    for content_type in ["application/json", "text/plain", "application/grpc+json", "application/grpcx"] {
        let answer = call(server.grpc, "WriteNote", &[("content-type", content_type)], empty()).await;
        assert_eq!((answer.http, answer.status()), (415, None), "{content_type}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{content_type}");
        assert!(answer.header("x-content-type-options").is_some(), "{content_type}");
    }
    let path = format!("/{SERVICE_NAME}/WriteNote");
    let answer = send(&client, reqwest::Method::GET, server.grpc, &path, &grpc, Vec::new()).await;
    assert_eq!((answer.http, answer.header("allow")), (405, Some("POST")), "{answer:?}");
    // gRPC needs HTTP/2.
    let http1 = reqwest::Client::builder().http1_only().no_proxy().build().unwrap();
    let answer = send(&http1, post, server.grpc, &path, &grpc, empty()).await;
    assert_eq!(answer.http, 415, "{answer:?}");

    let answer = call(server.grpc, "WriteNote", &[("grpc-encoding", "snappy")], empty()).await;
    assert_eq!((answer.status(), answer.header("grpc-accept-encoding")), (Some(12), Some("gzip,identity")));
    for timeout in ["", "1", "1h", "-1S", "999999999S"] {
        let answer = call(server.grpc, "WriteNote", &[("grpc-timeout", timeout)], empty()).await;
        assert_eq!(answer.status(), Some(3), "{timeout}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_speaks_something_else_is_closed_and_harms_nobody() {
    let server = Server::demo(&[]);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (case, bytes) in [
        ("noise", vec![0xfe; 4096]),
        ("noise after the preface", [&preface[..], &[0xff; 4096]].concat()),
        ("a frame that is too long", [&preface[..], &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]].concat()),
        ("TLS", vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
    ] {
        let mut connection = tokio::net::TcpStream::connect(server.grpc).await.unwrap();
        connection.write_all(&bytes).await.unwrap();
        if case == "TLS" {
            // Not yet to be told from a slow head.
            continue;
        }
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer)).await;
        assert!(closed.is_ok(), "{case}: the connection stays open");
    }
    assert!(server.client().await.health(HealthRequest {}).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_keys_nor_prompts_nor_the_upstream_s_words_are_told_or_logged() {
    let fake = FakeGemini::builder().lenient().start().await;
    fake.otherwise(Fault::internal());
    let server = Server::with(&fake, &[]);
    let mut client = server.client().await;
    let name = format!("{PROMPT} fails upstream");
    let language = format!("{PROMPT} breaks a rule");
    let statuses = [
        client.write_note(about(name)).await.unwrap_err(),
        client.extract_facts(FactsRequest { language, ..FactsRequest::default() }).await.unwrap_err(),
    ];
    for status in statuses {
        let told = format!("{status:?} {}", String::from_utf8_lossy(status.details()));
        assert_eq!(leaks::find(&told), None, "{told}");
    }
    // Long enough for the log of the tests beside this one to have something in it.
    tokio::time::sleep(Duration::from_millis(100)).await;
    leaks::check(logs()).unwrap();
}
