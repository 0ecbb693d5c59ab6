//! Certificates and keys of the gRPC listener, from their files.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore, ServerConfig};

/// A setting that is wrong, and why.
pub(crate) type Refusal = (&'static str, String);

const CERTIFICATE: &str = "GRPC_TLS_CERT";
const KEY: &str = "GRPC_TLS_KEY";
const CLIENT_CA: &str = "GRPC_TLS_CLIENT_CA";

/// A server's certificate with its key and, for mutual TLS, who vouches for clients.
#[derive(Clone)]
pub struct Tls {
    /// What rustls needs to know.
    pub config: Arc<ServerConfig>,
    /// Whether clients must show a certificate.
    pub mutual: bool,
    /// Why clients will not accept the certificate, if it is past its end or before its beginning.
    pub warning: Option<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("mutual", &self.mutual).finish_non_exhaustive()
    }
}

impl Tls {
    /// What the files make together; nothing, without files.
    pub fn read(
        certificate: Option<&str>,
        key: Option<&str>,
        client_ca: Option<&str>,
    ) -> Result<Option<Self>, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let certificate = loaded(CERTIFICATE, certificate, certificates, &mut refusals);
        let key = loaded(KEY, key, private_key, &mut refusals);
        let client_ca = loaded(CLIENT_CA, client_ca, roots, &mut refusals);
        // What follows would only say the same in other words.
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let mutual = client_ca.is_some();
        let refusal = match (certificate, key) {
            (Some(certificate), Some(key)) => {
                let warning = certificate.first().and_then(out_of_time);
                match configuration(certificate, key, client_ca) {
                    Ok(config) => return Ok(Some(Self { config: Arc::new(config), mutual, warning })),
                    Err(error) => (CERTIFICATE, format!("does not go with {KEY}: {error}")),
                }
            }
            (Some(_), None) => (CERTIFICATE, format!("needs {KEY} beside it")),
            (None, Some(_)) => (KEY, format!("needs {CERTIFICATE} beside it")),
            (None, None) if mutual => (CLIENT_CA, format!("needs {CERTIFICATE} and {KEY}")),
            (None, None) => return Ok(None),
        };
        Err(vec![refusal])
    }
}

fn loaded<T>(
    name: &'static str,
    path: Option<&str>,
    load: impl Fn(&str) -> Result<T, String>,
    refusals: &mut Vec<Refusal>,
) -> Option<T> {
    load(path?).map_err(|why| refusals.push((name, why))).ok()
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_reader_iter(open(path)?).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("the file has no certificate in PEM".to_owned()),
        Err(_) => Err("the file is not PEM".to_owned()),
    }
}

fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_reader(open(path)?).map_err(|error| match error {
        PemError::NoItemsFound => "the file has no private key in PEM".to_owned(),
        // The error may quote a line of the file.
        _ => "the file is not PEM".to_owned(),
    })
}

fn open(path: &str) -> Result<BufReader<File>, String> {
    File::open(path).map(BufReader::new).map_err(|error| format!("the file cannot be read: {error}"))
}

fn roots(path: &str) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| format!("the file has an unusable certificate: {error}"))?;
    }
    Ok(Arc::new(roots))
}

/// What is wrong with a certificate's time, in rustls' words: it would be served all the same.
fn out_of_time(certificate: &CertificateDer<'_>) -> Option<String> {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone().into_owned()).ok()?;
    let provider = Arc::new(default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()?;
    // Time is looked at first. Who vouches for the certificate, and for which name, is for clients to judge.
    let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
    match verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::now()) {
        Err(Error::InvalidCertificate(
            error @ (Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }),
        )) => Some(format!("{CERTIFICATE}: {error}")),
        _ => None,
    }
}

fn configuration(
    certificate: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    client_ca: Option<Arc<RootCertStore>>,
) -> anyhow::Result<ServerConfig> {
    let provider = Arc::new(default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = match client_ca {
        Some(roots) => builder
            .with_client_cert_verifier(WebPkiClientVerifier::builder_with_provider(roots, provider).build()?),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(certificate, key)?;
    // gRPC-Web also comes by HTTP/1.1.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
