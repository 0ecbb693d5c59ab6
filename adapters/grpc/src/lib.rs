//! The flows on tonic: gRPC and gRPC-Web, beside any web framework.
//!
//! `routes` is yours: the procedures, and how their messages become the flows' inputs and outputs. The rest
//! connects tonic to `flow-edge`: `extract` decodes the inputs, `reply` makes the answers, `edge` is the middleware,
//! `mount` adds health and reflection, `serve` runs it all on our listener, `stream` makes messages of chunks, `body`
//! writes the access log at a call's end.

mod body;
mod edge;
pub mod extract;
mod health;
mod mount;
pub mod proto;
pub mod reply;
mod routes;
mod serve;
mod service;
pub mod stream;
mod timeout;

use api::FlowService;
use flow_listener::RpcAdapter;

pub use service::{Mounted, Routes, mounted};

/// gRPC with the flows of this project, as the application mounts it.
pub const ADAPTER: RpcAdapter<dyn FlowService> = adapter::<routes::FlowRoutes>();

/// gRPC with any procedures. Generic because `tests/conformance` serves flows of its own.
pub const fn adapter<R: Routes>() -> RpcAdapter<R::Flows> {
    RpcAdapter {
        name: "grpc",
        service: R::SERVICE,
        hyper_service: serve::hyper::<R>,
        claims: serve::claims::<R>,
    }
}
