//! `rediss://`: who is trusted, and that it works at all with the provider of cryptography we have.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use flow_edge::edge::SharedRateLimiter as _;
use flow_redis::{RedisSettings, RedisStore};

use crate::server::{Server, free_port, until};

/// Names the port to the process that [`a_trusted_server_is_used`] is run in.
const PORT: &str = "TEST_REDIS_TLS_PORT";

/// Whom the system trusts is said in the environment, and a test has no environment of its own. So each half runs in
/// a process of its own.
#[test]
fn a_server_is_used_over_tls_if_its_certificate_is_trusted() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|it| folder.path().join(it));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (port, [certificate, key]) =
        (free_port().to_string(), [&certificate, &key].map(|it| it.to_str().unwrap()));
    let options = [
        ["--tls-port", &port],
        ["--tls-cert-file", certificate],
        ["--tls-key-file", key],
        ["--tls-ca-cert-file", certificate],
        ["--tls-auth-clients", "no"],
    ];
    let Some(_server) = runtime.block_on(Server::start_with(free_port(), options.as_flattened())) else {
        return;
    };
    for (trusted, test) in
        [(Some(certificate), "a_trusted_server_is_used"), (None, "a_server_nobody_trusts_is_not_used")]
    {
        let mut half = Command::new(std::env::current_exe().unwrap());
        half.args(["--ignored", "--exact", &format!("tls::{test}")]).env(PORT, &port);
        half.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        trusted.map(|file| half.env("SSL_CERT_FILE", file));
        let done = half.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
    }
}

/// Nothing, if somebody runs ignored tests without the one above.
fn store() -> Option<RedisStore> {
    #[expect(clippy::disallowed_methods, reason = "set by the test above")]
    let port = std::env::var(PORT).ok()?;
    RedisStore::connect(RedisSettings {
        timeout: Duration::from_secs(5),
        ..RedisSettings::new(format!("rediss://localhost:{port}"), "test")
    })
    .ok()
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn a_trusted_server_is_used() {
    let Some(store) = store() else { return };
    until(&store, true, Duration::from_secs(5)).await;
    assert!(store.check(IpAddr::from([192, 0, 2, 7]), "1/day".parse().unwrap()).await.is_some());
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn a_server_nobody_trusts_is_not_used() {
    let Some(store) = store() else { return };
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!store.is_up());
}
