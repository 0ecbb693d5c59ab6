//! gRPC: where it is served and how it is encrypted. rustls' configuration is made while settings are read, so
//! that a key that does not fit is one more fault of the same message.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use clap::Args;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::ServerSettings;
use super::given::Given;
use super::parse;
use crate::serving::ServerKind;

/// gRPC beside the REST listener, or on it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "gRPC")]
pub struct GrpcSettings {
    /// TCP port of the gRPC listener; 0 lets the system choose.
    #[arg(id = "grpc_port", long = "grpc-port", env = "GRPC_PORT", value_name = "PORT", default_value = "50051", value_parser = parse::port)]
    pub port: u16,
    /// Serve no gRPC.
    #[arg(long, env = "NO_GRPC")]
    pub no_grpc: bool,
    /// REST and gRPC together on PORT; serves with the hyper listener.
    #[arg(long, env = "SINGLE_PORT")]
    pub single_port: bool,
    /// PEM certificate chain of the gRPC listener; needs the key.
    ///
    /// Default: no TLS. Example: /run/secrets/grpc.crt
    #[arg(env = "GRPC_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// PEM private key of that certificate.
    ///
    /// Example: /run/secrets/grpc.key
    #[arg(env = "GRPC_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<String>,
    /// PEM certificates of the authorities that sign clients' certificates; turns on mutual TLS.
    ///
    /// Default: clients need no certificate. Example: /run/secrets/clients-ca.crt
    #[arg(env = "GRPC_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<String>,
    /// How its own listener encrypts, if it does: what these files say.
    #[arg(skip)]
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

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("mutual", &self.mutual).finish_non_exhaustive()
    }
}

impl GrpcSettings {
    pub(super) fn check(&mut self, server: &mut ServerSettings, given: &mut Given) {
        self.tls = self.read_tls(given);
        if !self.single_port {
            return;
        }
        // Only our own listener can tell REST and gRPC apart on one port.
        if server.server == ServerKind::Native && given.rank("SERVER").is_some() {
            given.refuse("SERVER", "cannot serve SINGLE_PORT; leave it out or say hyper");
        }
        if self.tls.is_some() {
            given.refuse("GRPC_TLS_CERT", "is for the gRPC listener; with SINGLE_PORT there is none");
        }
        server.server = ServerKind::Hyper;
    }

    fn read_tls(&self, given: &mut Given) -> Option<Tls> {
        let before = given.faults.len();
        let certificate = read("GRPC_TLS_CERT", self.tls_cert.as_deref(), certificates, given);
        let key = read("GRPC_TLS_KEY", self.tls_key.as_deref(), private_key, given);
        let roots = |path: &str| roots(certificates(path)?);
        let client_ca = read("GRPC_TLS_CLIENT_CA", self.tls_client_ca.as_deref(), roots, given);
        // What follows would only say the same in other words.
        if given.faults.len() > before {
            return None;
        }
        let mutual = client_ca.is_some();
        match (certificate, key) {
            (Some(certificate), Some(key)) => match configuration(certificate, key, client_ca) {
                Ok(config) => return Some(Tls { config: Arc::new(config), mutual }),
                Err(error) => {
                    given.refuse("GRPC_TLS_CERT", format!("does not go with GRPC_TLS_KEY: {error}"));
                }
            },
            (Some(_), None) => given.refuse("GRPC_TLS_CERT", "needs GRPC_TLS_KEY beside it"),
            (None, Some(_)) => given.refuse("GRPC_TLS_KEY", "needs GRPC_TLS_CERT beside it"),
            (None, None) => given.refuse("GRPC_TLS_CLIENT_CA", "needs GRPC_TLS_CERT and GRPC_TLS_KEY"),
        }
        None
    }
}

fn read<T>(
    name: &str,
    path: Option<&str>,
    parse: impl Fn(&str) -> Result<T, String>,
    given: &mut Given,
) -> Option<T> {
    parse(path?).map_err(|why| given.refuse(name, why)).ok()
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
