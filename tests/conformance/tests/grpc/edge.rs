//! The edge's rules: keys, rates, hosts, and what is exempt from them.

use conformance::proto::test_flows_client::TestFlowsClient;
use conformance::proto::{FactsRequest, HealthRequest, NoteRequest, TopicRequest};
use fake_gemini::{FakeGemini, Fault};
use serde_json::json;
use tonic::service::Interceptor;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_types::StatusExt;

use crate::server::{Server, channel, first};
use crate::wire::{call, field, frame};

/// SHA-256 of `secret`.
const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

struct Bearer(&'static str);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.parse().unwrap());
        Ok(request)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_keys_on_only_probes_answer_without_one() {
    let server = Server::demo(&[("API_KEYS", HASH), ("DEBUG", "true")]);
    let channel = channel(server.grpc).await;
    let mut client = server.client().await;
    for key in ["", "Bearer other", "secret", "Alice"] {
        let mut request = Request::new(NoteRequest::default());
        if !key.is_empty() {
            request.metadata_mut().insert("authorization", key.parse().unwrap());
        }
        let status = client.write_note(request).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{key}");
        assert_eq!(status.get_details_error_info().unwrap().reason, "UNAUTHENTICATED");
    }
    let mut known = TestFlowsClient::with_interceptor(channel.clone(), Bearer("Bearer secret"));
    let note = known.write_note(NoteRequest::default()).await.unwrap().into_inner();
    assert_eq!(note.username, "", "a key is no name");

    assert!(client.health(HealthRequest {}).await.is_ok());
    assert!(HealthClient::new(channel).check(HealthCheckRequest::default()).await.is_ok());
    let reflection = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let headers = [("content-type", "application/grpc"), ("te", "trailers")];
    let path = format!("/{reflection}");
    let answer =
        crate::wire::send(&client, reqwest::Method::POST, server.grpc, &path, &headers, Vec::new()).await;
    assert_ne!(answer.status(), Some(16), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rate_is_the_peer_s_whatever_it_calls_itself_and_shared_with_rest() {
    let server = Server::demo(&[("RATE_LIMIT_DEFAULT", "2/hour")]);
    let mut client = server.client().await;
    assert_eq!(server.post("/write-note", &json!({})).await.0, 200);
    assert!(client.write_note(NoteRequest::default()).await.is_ok());
    for forwarded in ["203.0.113.1", "203.0.113.2"] {
        let mut request = Request::new(NoteRequest::default());
        request.metadata_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
        let status = client.write_note(request).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{forwarded}");
        let wait = status.get_details_retry_info().unwrap().retry_delay.unwrap().as_secs();
        assert!((1700..=1800).contains(&wait), "{wait}");
    }
    assert_eq!(server.post("/write-note", &json!({})).await.0, 429);
    for _ in 0..5 {
        assert!(client.health(HealthRequest {}).await.is_ok(), "probes are exempt");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authority_must_be_a_trusted_host() {
    let server = Server::demo(&[("TRUSTED_HOSTS", "api.example.com")]);
    let answer = call(server.grpc, "WriteNote", &[], frame(&[])).await;
    assert_eq!(answer.status(), Some(3), "{answer:?}");
    let endpoint = Channel::from_shared(format!("http://{}", server.grpc)).unwrap();
    let endpoint = endpoint.origin("http://api.example.com".parse().unwrap());
    let mut client = TestFlowsClient::new(endpoint.connect().await.unwrap());
    assert!(client.write_note(NoteRequest::default()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_follows_readiness_and_reflection_is_for_debugging() {
    // Nobody asked for the demo model: the flows answer, but the server is not ready.
    let server = Server::start(first(), &[]);
    let mut health = HealthClient::new(channel(server.grpc).await);
    let mut check = async |service: &str| {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await;
        answer.map(|it| it.into_inner().status()).map_err(|it| it.code())
    };
    assert_eq!(check("").await, Ok(ServingStatus::NotServing));
    assert_eq!(check("test.flows.v1.TestFlows").await, Ok(ServingStatus::NotServing));
    assert_eq!(check("nope").await, Err(Code::NotFound));
    assert!(server.client().await.write_note(NoteRequest::default()).await.is_ok());

    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let headers = [("content-type", "application/grpc"), ("te", "trailers")];
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let post = reqwest::Method::POST;
        let answer = crate::wire::send(&client, post, server.grpc, &path, &headers, Vec::new()).await;
        assert_eq!(answer.status(), Some(12), "{version}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_rule_that_is_broken_answers() {
    let server = Server::demo(&[
        ("TRUSTED_HOSTS", "127.0.0.1"),
        ("API_KEYS", HASH),
        ("RATE_LIMIT_DEFAULT", "1/day"),
        ("MAX_BODY_SIZE", "1000"),
    ]);
    let (other_host, key) = (("host", "api.example.com"), ("authorization", "Bearer secret"));
    let large = || frame(&field(1, &[b'x'; 2000]));
    let status = async |headers: &[(&str, &str)], body| {
        let answer = call(server.grpc, "WriteNote", headers, body).await;
        assert!(answer.header("x-request-id").is_some(), "{answer:?}");
        answer.status()
    };
    assert_eq!(status(&[other_host], large()).await, Some(Code::InvalidArgument as i32), "a second host");
    assert_eq!(status(&[], large()).await, Some(Code::Unauthenticated as i32), "the key");
    assert_eq!(status(&[key], frame(&[])).await, None, "the one call of the day");
    assert_eq!(status(&[key], large()).await, Some(Code::ResourceExhausted as i32), "the rate");
    let elsewhere = Server::demo(&[("TRUSTED_HOSTS", "api.example.com"), ("API_KEYS", HASH)]);
    let answer = call(elsewhere.grpc, "WriteNote", &[], large()).await;
    assert_eq!(answer.status(), Some(Code::InvalidArgument as i32), "the host");
    let unlimited = Server::demo(&[("MAX_BODY_SIZE", "1000")]);
    let answer = call(unlimited.grpc, "WriteNote", &[], large()).await;
    assert_eq!(answer.status(), Some(Code::ResourceExhausted as i32), "the body");
    assert!(answer.header("ratelimit").unwrap().starts_with("\"default\";r="), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_each_client_has_its_own_rate() {
    let server = Server::demo(&[("RATE_LIMIT_DEFAULT", "1/day"), ("TRUSTED_PROXIES", "127.0.0.0/8")]);
    let mut client = server.client().await;
    for address in ["203.0.113.1", "203.0.113.2"] {
        let mut call = async |forwarded: String| {
            let mut request = Request::new(NoteRequest::default());
            request.metadata_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
            client.write_note(request).await.map_err(|it| it.code())
        };
        let first = call(address.to_owned()).await.unwrap();
        assert_eq!(first.metadata().get("ratelimit-policy").unwrap(), "\"default\";q=1;w=86400");
        assert_eq!(call(format!("198.51.100.7, {address}")).await.unwrap_err(), Code::ResourceExhausted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_kept_for_both_protocols_together() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let facts = async |client: &mut TestFlowsClient<Channel>| {
        let answer = client.extract_facts(FactsRequest::default()).await.unwrap();
        answer.metadata().get("x-cache").map(|it| it.to_str().unwrap().to_owned())
    };
    assert_eq!(facts(&mut client).await.as_deref(), Some("miss"));
    assert_eq!(facts(&mut client).await.as_deref(), Some("hit"));
    let rest = reqwest::Client::builder().no_proxy().build().unwrap();
    let rest = rest.post(format!("http://{}/extract", server.rest)).json(&json!({"language": "English"}));
    assert_eq!(rest.send().await.unwrap().headers()["x-cache"], "hit");
    let note = client.write_note(NoteRequest::default()).await.unwrap();
    assert!(note.metadata().get("x-cache").is_none(), "notes are fresh");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_circuit_is_unavailable_and_says_for_how_long() {
    let fake = FakeGemini::builder().lenient().start().await;
    fake.otherwise(Fault::internal());
    let server = Server::with(
        &fake,
        &[("CB_ENABLED", "true"), ("CB_FAILURE_THRESHOLD", "1"), ("CB_RECOVERY_TIMEOUT", "3600")],
    );
    let mut client = server.client().await;
    for _ in 0..3 {
        assert_eq!(client.write_note(NoteRequest::default()).await.unwrap_err().code(), Code::Unavailable);
    }
    // The first call asked three times; the others did not ask.
    assert_eq!(fake.stats().received, 3, "a failing model is left alone");
    let status = client.stream_sentences(TopicRequest::default()).await.unwrap_err();
    let wait = status.get_details_retry_info().unwrap().retry_delay.unwrap().as_secs();
    assert!((3590..=3600).contains(&wait), "{wait}");
    let mut health = HealthClient::new(channel(server.grpc).await);
    let state = health.check(HealthCheckRequest::default()).await.unwrap().into_inner().status();
    assert_eq!(state, ServingStatus::Serving, "all replicas have the same model");
}
