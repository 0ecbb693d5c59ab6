//! The compiled adapters. The only file that names them; each is a crate of ours, not the framework.

use api::FlowService;
use flow_listener::Adapter;
use flow_listener::RpcAdapter; // eject: grpc

/// The adapters compiled in, the default feature first. One row, one adapter.
pub const COMPILED_IN: &[Adapter<dyn FlowService>] = &[
    // eject: axum
    #[cfg(feature = "axum")]
    axum::ADAPTER,
    // eject: actix
    #[cfg(feature = "actix")]
    actix::ADAPTER,
    // eject: poem
    #[cfg(feature = "poem")]
    poem::ADAPTER,
    // eject: end
];

// eject: grpc
/// The protocol of remote procedure calls compiled in, if any.
const RPC: &[RpcAdapter<dyn FlowService>] = &[
    // One row, one adapter; the first is served.
    #[cfg(feature = "grpc")]
    grpc::ADAPTER,
];

/// The protocol that is served beside the framework.
pub fn rpc() -> Option<RpcAdapter<dyn FlowService>> {
    RPC.first().copied()
}

// eject: end
/// The names of the frameworks.
pub fn names() -> Vec<&'static str> {
    COMPILED_IN.iter().map(|it| it.name).collect()
}

/// The adapter to serve: the named one, or by default the one that was asked for when compiling.
///
/// `--features NAME` leaves the default feature on, so the last of two is the one that was asked for. With
/// more than two nobody can tell, and the first serves.
pub fn select(name: Option<&str>) -> Option<Adapter<dyn FlowService>> {
    match (name, COMPILED_IN) {
        (Some(name), compiled_in) => compiled_in.iter().find(|it| it.name == name).copied(),
        (None, [_, asked_for]) => Some(*asked_for),
        (None, compiled_in) => compiled_in.first().copied(),
    }
}
