//! gRPC: where it is served and how it is encrypted. The files are read while settings are, so that a key that
//! does not fit is one more fault of the same message.

use clap::Args;
use flow_settings::Given;

use super::ServerSettings;
use super::parse;
use crate::tls::Tls;
use flow_listener::ServerKind;

/// gRPC beside the REST listener, or on it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "gRPC")]
pub struct GrpcSettings {
    /// TCP port of the gRPC listener; 0 lets the system choose.
    #[arg(id = "grpc_port", long = "grpc-port", env = "GRPC_PORT", value_name = "PORT")]
    #[arg(default_value = "50051", value_parser = parse::port)]
    pub port: u16,
    /// Serve no gRPC.
    #[arg(long, env = "NO_GRPC")]
    pub no_grpc: bool,
    /// REST and gRPC together on `PORT`; serves with the hyper listener.
    #[arg(long, env = "SINGLE_PORT")]
    pub single_port: bool,
    /// PEM certificate chain of the gRPC listener; needs the key.
    ///
    /// Default: no TLS. Example: `/run/secrets/grpc.crt`
    #[arg(env = "GRPC_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// PEM private key of that certificate.
    ///
    /// Example: `/run/secrets/grpc.key`
    #[arg(env = "GRPC_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<String>,
    /// PEM certificates of the authorities that sign clients' certificates; turns on mutual TLS.
    ///
    /// Default: clients need no certificate. Example: `/run/secrets/clients-ca.crt`
    #[arg(env = "GRPC_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<String>,
    /// How its own listener encrypts, if it does: what these files say.
    #[arg(skip)]
    pub tls: Option<Tls>,
}

impl GrpcSettings {
    pub(super) fn check(&mut self, server: &mut ServerSettings, given: &mut Given) {
        match Tls::read(self.tls_cert.as_deref(), self.tls_key.as_deref(), self.tls_client_ca.as_deref()) {
            Ok(tls) => self.tls = tls,
            Err(refusals) => refusals.into_iter().for_each(|(name, why)| given.refuse(name, why)),
        }
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
}
