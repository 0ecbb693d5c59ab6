//! Servers in a test's own process, on ports that the system chooses.

use std::net::SocketAddr;
use std::path::Path;

use flow_edge::drain::Drain;
use flow_listener::{Adapter, ServerKind, Signals};
use flow_listener::{Rpc, serve_with_rpc}; // eject: grpc
use genkit_endpoints::settings::{self, Command, Settings, SettingsError};
use genkit_endpoints::start;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::api::{FLOWS, TestFlows};
use crate::flows::flows;
use crate::routes::names;
use crate::routes::rpc; // eject: grpc

/// A server of the test flows; dropped, it ends.
pub struct Server {
    /// Where it serves REST.
    pub address: SocketAddr,
    // eject: grpc
    /// Where it serves gRPC, if it does.
    pub grpc: Option<SocketAddr>,
    // eject: end
    /// Its end, for a test to begin.
    pub drain: Drain,
    _signals: mpsc::Sender<()>,
    _serving: JoinSet<()>,
}

impl Server {
    /// Starts one with these environment variables, for REST alone.
    pub fn rest<V: AsRef<str>>(
        adapter: Adapter<dyn TestFlows>,
        kind: ServerKind,
        environment: &[(&str, V)],
    ) -> Self {
        let environment = environment.iter().map(|(name, value)| (*name, value.as_ref()));
        let environment = environment.chain([("SERVER", kind.as_str())]);
        let environment = environment.chain([("NO_GRPC", "true")]); // eject: grpc
        Self::start(adapter, &environment.collect::<Vec<_>>())
    }

    /// Starts one with these environment variables, for all that is compiled in and not turned off.
    pub fn start(adapter: Adapter<dyn TestFlows>, environment: &[(&str, &str)]) -> Self {
        let settings = settings(environment).unwrap_or_else(|error| panic!("{error}"));
        let plan = start::make_plan(&settings, adapter, flows).unwrap();
        let address = plan.listener.local_addr().unwrap();
        let drain = plan.app.edge.drain().clone();
        let (signals, send) = Signals::channel();
        let mut serving = JoinSet::new();
        // A failure to serve shows in the calls; the test's runtime may also end before the server does.
        // eject: grpc
        let rpc = start::bind_rpc(&settings, rpc()).unwrap();
        let grpc = match &rpc {
            Rpc::OwnPort(_, it) => Some(it.listener.local_addr().unwrap()),
            Rpc::SharedPort(_) => Some(address),
            Rpc::Off => None,
        };
        if grpc.is_some() {
            serving.spawn(async move { drop(serve_with_rpc(plan, rpc, signals).await) });
            return Self { address, grpc, drain, _signals: send, _serving: serving };
        }
        // eject: end
        serving.spawn(async move { drop(flow_listener::serve(plan, signals).await) });
        Self {
            address,
            grpc: None, // eject: grpc
            drain,
            _signals: send,
            _serving: serving,
        }
    }
}

/// What the settings are with these variables.
pub fn settings(environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let base = [
        ("PORT", "0"),
        ("GRPC_PORT", "0"), // eject: grpc
        ("WEB_CONCURRENCY", "1"),
    ];
    let lookup =
        |name: &str| environment.iter().chain(&base).find(|it| it.0 == name).map(|it| it.1.to_owned());
    match settings::load(&names(), FLOWS, ["test".into()], &lookup, Path::new("/nonexistent"))? {
        Command::Serve(settings) => Ok(*settings),
        other => panic!("{other:?}"),
    }
}
