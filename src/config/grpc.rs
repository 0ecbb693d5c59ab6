//! gRPC: where it is served and how it is encrypted. rustls' configuration is made while settings are read, so
//! that a key that does not fit is one more fault of the same message.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::parse;
use super::settings::ServerSettings;
use super::sources::Sources;
use crate::serving::ServerKind;

/// gRPC beside the REST listener, or on it.
#[derive(Debug, Clone)]
pub struct GrpcSettings {
    /// Whether it is served at all.
    pub enabled: bool,
    /// Whether it shares the REST listener's port.
    pub single_port: bool,
    /// Port to bind where it does not; 0 lets the system choose.
    pub port: u16,
    /// How its own listener encrypts, if it does.
    pub tls: Option<Tls>,
}

/// A server's certificate with its key and, for mutual TLS, who vouches for clients.
#[derive(Clone)]
pub struct Tls {
    /// What rustls needs to know.
    pub config: Arc<ServerConfig>,
    /// Whether clients must show a certificate.
    pub mutual: bool,
}

impl GrpcSettings {
    pub(super) fn read(from: &mut Sources<'_>) -> Self {
        Self {
            enabled: !from.value("NO_GRPC", parse::flag),
            single_port: from.value("SINGLE_PORT", parse::flag),
            port: from.value("GRPC_PORT", parse::port),
            tls: Tls::read(from),
        }
    }

    /// Only our own listener can tell REST and gRPC apart on one port.
    pub(super) fn share_port(&self, server: &mut ServerSettings, from: &mut Sources<'_>) {
        if !self.single_port {
            return;
        }
        if server.server == ServerKind::Native && from.is_given("SERVER") {
            from.refuse("SERVER", "cannot serve SINGLE_PORT; leave it out or say hyper");
        }
        if self.tls.is_some() {
            from.refuse("GRPC_TLS_CERT", "is for the gRPC listener; with SINGLE_PORT there is none");
        }
        server.server = ServerKind::Hyper;
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("mutual", &self.mutual).finish_non_exhaustive()
    }
}

impl Tls {
    pub(super) fn read(from: &mut Sources<'_>) -> Option<Self> {
        let before = from.faults();
        let certificate = from.optional("GRPC_TLS_CERT", certificates);
        let key = from.optional("GRPC_TLS_KEY", private_key);
        let client_ca = from.optional("GRPC_TLS_CLIENT_CA", |path| roots(certificates(path)?));
        // What follows would only say the same in other words.
        if from.faults() > before {
            return None;
        }
        let mutual = client_ca.is_some();
        match (certificate, key) {
            (Some(certificate), Some(key)) => match configuration(certificate, key, client_ca) {
                Ok(config) => return Some(Self { config: Arc::new(config), mutual }),
                Err(error) => {
                    from.refuse("GRPC_TLS_CERT", format!("does not go with GRPC_TLS_KEY: {error}"));
                }
            },
            (Some(_), None) => from.refuse("GRPC_TLS_CERT", "needs GRPC_TLS_KEY beside it"),
            (None, Some(_)) => from.refuse("GRPC_TLS_KEY", "needs GRPC_TLS_CERT beside it"),
            (None, None) => from.refuse("GRPC_TLS_CLIENT_CA", "needs GRPC_TLS_CERT and GRPC_TLS_KEY"),
        }
        None
    }
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

fn roots(certificates: Vec<CertificateDer<'static>>) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| format!("the file has an unusable certificate: {error}"))?;
    }
    Ok(Arc::new(roots))
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
