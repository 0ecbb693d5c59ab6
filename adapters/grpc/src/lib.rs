//! The flows on tonic: gRPC and gRPC-Web, beside any web framework.
//!
//! `routes` is yours: the procedures, and how their messages become the flows' inputs and outputs. The rest is the
//! joint between tonic and `flow-edge`: `extract` is the typed way in, `reply` the typed way out, `edge` the
//! middleware, `mount` adds health and reflection, `serve` runs it all on our listener, `stream` makes messages of
//! chunks, `body` writes the access log at a call's end.

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

/// gRPC with any procedures.
pub const fn adapter<R: Routes>() -> RpcAdapter<R::Flows> {
    RpcAdapter { name: "grpc", hyper_service: serve::hyper::<R>, claims: serve::claims::<R> }
}
