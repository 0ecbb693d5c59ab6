//! The listener.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use flow_settings::Given;

use super::parse;
use flow_listener::ServerKind;

pub(super) const GROUP: &str = "Server";

/// The listener.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = GROUP)]
pub struct ServerSettings {
    /// Adapter that serves, one of the compiled ones.
    ///
    /// Default: the compiled one; of two, the one beside the default feature; of three, the default feature.
    /// Example: `NAME`
    #[arg(long, env = "FRAMEWORK", value_name = "NAME")]
    pub framework: Option<String>,
    /// The framework's own listener, or the shared hyper one.
    #[arg(long, env = "SERVER", value_name = "native|hyper")]
    #[arg(default_value = "native", value_parser = parse::server)]
    pub server: ServerKind,
    /// TCP port of the REST listener; 0 lets the system choose.
    #[arg(long, env = "PORT", value_name = "PORT", default_value = "8080", value_parser = parse::port)]
    pub port: u16,
    /// Address to listen on; 0.0.0.0 in a container.
    #[arg(long, env = "HOST", value_name = "ADDRESS")]
    #[arg(default_value = "127.0.0.1", value_parser = parse::host)]
    pub host: IpAddr,
    /// Worker threads of each listener.
    ///
    /// Default: the number of CPUs. Example: `4`
    #[arg(long, env = "WEB_CONCURRENCY", value_name = "COUNT", value_parser = parse::workers)]
    #[arg(default_value_t = parse::cpus(), hide_default_value = true)]
    pub workers: NonZeroUsize,
    /// How long running calls may go on after SIGTERM.
    #[arg(env = "SHUTDOWN_GRACE", value_name = "SECONDS")]
    #[arg(default_value = "10", value_parser = parse::seconds_or_zero)]
    pub shutdown_grace: Duration,
    /// Idle time of a connection; above the load balancer's. A framework's own listener may allow `REQUEST_TIMEOUT`
    /// and 10 s, if that is longer.
    #[arg(env = "KEEP_ALIVE_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "75", value_parser = parse::seconds)]
    pub keep_alive: Duration,
}

impl ServerSettings {
    /// Where the REST listener binds.
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    pub(super) fn check(&self, adapters: &[&str], given: &mut Given) {
        let Some(name) = &self.framework else { return };
        if adapters.is_empty() {
            given.refuse("FRAMEWORK", "no adapter is compiled in; build with the Cargo feature of one");
        } else if !adapters.contains(&&**name) {
            let why = format!("must be one of the compiled adapters: {}", adapters.join(", "));
            given.refuse("FRAMEWORK", why);
        }
    }
}
