//! TLS and mutual TLS, with certificates made here.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use conformance::proto::NoteRequest;
use conformance::proto::test_flows_client::TestFlowsClient;
use conformance::settings;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::server::Server;

/// One that vouches for others.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn certificate(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key.
    fn issue(&self) -> (String, String) {
        self.issue_between(1975, 4096)
    }

    /// One that is valid from one year to another.
    fn issue_between(&self, from: i32, to: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

/// Files that are gone when it is.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("grpc-tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn put(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether a call gets through.
async fn calls(endpoint: Endpoint) -> bool {
    let Ok(channel) = endpoint.connect().await else { return false };
    TestFlowsClient::<Channel>::new(channel).write_note(NoteRequest::default()).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_certificate_the_listener_speaks_tls_and_nothing_else() {
    let (files, authority) = (Files::new(), Authority::new());
    let (certificate, key) = authority.issue();
    let (certificate, key) = (files.put("server.crt", &certificate), files.put("server.key", &key));
    let server = Server::demo(&[("GRPC_TLS_CERT", &certificate), ("GRPC_TLS_KEY", &key)]);
    let to = |scheme: &str| Endpoint::from_shared(format!("{scheme}://{}", server.grpc)).unwrap();
    let trusting = |it: &Authority| {
        ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(it.certificate()))
            .domain_name("localhost")
    };
    assert!(calls(to("https").tls_config(trusting(&authority)).unwrap()).await);
    assert!(!calls(to("https").tls_config(trusting(&Authority::new())).unwrap()).await, "another authority");
    assert!(!calls(to("http")).await, "no TLS");
    // Browsers hear that they came by TLS; whether REST did, only a proxy could say.
    let root = reqwest::Certificate::from_pem(authority.certificate().as_bytes()).unwrap();
    let browser = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    let url = format!("https://localhost:{}/test.flows.v1.TestFlows/WriteNote", server.grpc.port());
    let call = browser.post(url).header("content-type", "application/grpc-web").body(vec![0; 5]);
    let answer = call.send().await.unwrap();
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000; includeSubDomains");
    // REST is as it was.
    assert_eq!(server.post("/write-note", &serde_json::json!({})).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_client_authority_only_its_clients_get_in() {
    let (files, authority, clients) = (Files::new(), Authority::new(), Authority::new());
    let (certificate, key) = authority.issue();
    let server = Server::demo(&[
        ("GRPC_TLS_CERT", &files.put("server.crt", &certificate)),
        ("GRPC_TLS_KEY", &files.put("server.key", &key)),
        ("GRPC_TLS_CLIENT_CA", &files.put("clients.crt", &clients.certificate())),
    ]);
    let call = async |identity: Option<(String, String)>| {
        let authority = Certificate::from_pem(authority.certificate());
        let mut tls = ClientTlsConfig::new().ca_certificate(authority).domain_name("localhost");
        if let Some((certificate, key)) = identity {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        let endpoint = Endpoint::from_shared(format!("https://{}", server.grpc)).unwrap();
        calls(endpoint.tls_config(tls).unwrap()).await
    };
    assert!(call(Some(clients.issue())).await);
    assert!(!call(None).await, "no certificate");
    assert!(!call(Some(Authority::new().issue())).await, "another authority's");
}

#[test]
fn a_certificate_that_is_out_of_its_time_is_warned_about() {
    let (files, authority) = (Files::new(), Authority::new());
    for ((from, to), why) in [
        ((2020, 2021), Some("certificate expired")),
        ((2095, 2096), Some("not valid yet")),
        ((2020, 2096), None),
    ] {
        let (certificate, key) = authority.issue_between(from, to);
        let (certificate, key) = (files.put("server.crt", &certificate), files.put("server.key", &key));
        let warnings =
            settings(&[("GRPC_TLS_CERT", &*certificate), ("GRPC_TLS_KEY", &key)]).unwrap().warnings;
        let warnings: Vec<_> = warnings.iter().filter(|it| it.starts_with("GRPC_TLS_CERT: ")).collect();
        assert_eq!(warnings.len(), usize::from(why.is_some()), "{from} to {to}: {warnings:?}");
        assert!(why.is_none_or(|why| warnings[0].contains(why)), "{from} to {to}: {warnings:?}");
    }
}

#[test]
fn files_that_cannot_be_used_are_faults_beside_all_others() {
    let (files, authority) = (Files::new(), Authority::new());
    let (certificate, key) = authority.issue();
    let (certificate, key) = (files.put("server.crt", &certificate), files.put("server.key", &key));
    let (_, other_key) = authority.issue();
    let (other_key, text) = (files.put("other.key", &other_key), files.put("text", "hush"));
    let fault = |environment: &[(&str, &str)]| {
        let error = settings(&[environment, &[("DEBUG", "maybe")]].concat()).unwrap_err().to_string();
        assert!(error.contains("\n  DEBUG="), "{error}");
        assert!(!error.contains("hush") && !error.contains("PRIVATE"), "{error}");
        error
    };
    for (environment, why) in [
        (&[("GRPC_TLS_CERT", &*certificate)][..], "needs GRPC_TLS_KEY beside it"),
        (&[("GRPC_TLS_KEY", &key)], "needs GRPC_TLS_CERT beside it"),
        (&[("GRPC_TLS_CLIENT_CA", &certificate)], "needs GRPC_TLS_CERT and GRPC_TLS_KEY"),
        (&[("GRPC_TLS_CERT", &text), ("GRPC_TLS_KEY", &key)], "the file has no certificate in PEM"),
        (&[("GRPC_TLS_CERT", &certificate), ("GRPC_TLS_KEY", &text)], "the file has no private key in PEM"),
        (&[("GRPC_TLS_CERT", &certificate), ("GRPC_TLS_KEY", "/nonexistent")], "the file cannot be read"),
        (&[("GRPC_TLS_CERT", &certificate), ("GRPC_TLS_KEY", &other_key)], "does not go with GRPC_TLS_KEY"),
        (
            &[("GRPC_TLS_CERT", &certificate), ("GRPC_TLS_KEY", &key), ("SINGLE_PORT", "true")],
            "with SINGLE_PORT there is none",
        ),
    ] {
        let error = fault(environment);
        assert!(error.contains(why), "{why} is not in:\n{error}");
    }
}
