//! The test flows on each compiled adapter, the default feature first.

// eject: actix
#[cfg(feature = "actix")]
mod actix;
// eject: end
// eject: axum
#[cfg(feature = "axum")]
mod axum;
// eject: end
// eject: grpc
#[cfg(feature = "grpc")]
mod grpc;
// eject: end
// eject: poem
#[cfg(feature = "poem")]
mod poem;
// eject: end

use flow_listener::RpcAdapter; // eject: grpc
use flow_listener::{Adapter, ServerKind};

use crate::api::TestFlows;

/// The adapters compiled in.
pub const COMPILED_IN: &[Adapter<dyn TestFlows>] = &[
    // eject: axum
    #[cfg(feature = "axum")]
    adapter_axum::adapter::<axum::TestRoutes>(),
    // eject: end
    // eject: actix
    #[cfg(feature = "actix")]
    adapter_actix::adapter::<actix::TestRoutes>(),
    // eject: end
    // eject: poem
    #[cfg(feature = "poem")]
    adapter_poem::adapter::<poem::TestRoutes>(),
    // eject: end
];

// eject: grpc
const RPC: &[RpcAdapter<dyn TestFlows>] = &[
    #[cfg(feature = "grpc")]
    adapter_grpc::adapter::<grpc::TestRoutes>(),
];

/// The protocol that is served beside the framework.
pub fn rpc() -> Option<RpcAdapter<dyn TestFlows>> {
    RPC.first().copied()
}

// eject: end
/// The names of the frameworks.
pub fn names() -> Vec<&'static str> {
    COMPILED_IN.iter().map(|it| it.name).collect()
}

/// Every compiled adapter on each of the two listeners.
pub fn combinations() -> Vec<(Adapter<dyn TestFlows>, ServerKind)> {
    COMPILED_IN.iter().flat_map(|it| [(*it, ServerKind::Native), (*it, ServerKind::Hyper)]).collect()
}
