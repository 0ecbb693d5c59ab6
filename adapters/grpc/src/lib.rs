//! The flows on tonic: gRPC, gRPC-Web, the standard health service and reflection.
//!
//! The files are those of the web frameworks' adapters: `routes` mounts the flows, `extract` and `reply` are
//! the typed way in and out, `edge` binds core's rules as a layer, `serve` runs it all under our listener.
//! Four are gRPC's own: `stream` carries chunks, `body` follows an answer to its status, which comes last,
//! `health` and `timeout` are what their names say.

mod body;
mod edge;
mod extract;
mod health;
mod reply;
mod routes;
mod serve;
mod stream;
mod timeout;

use flow_core::adapter::RpcAdapter;

/// gRPC, as the application mounts it.
pub const ADAPTER: RpcAdapter = RpcAdapter { name: "grpc", service: serve::hyper, claims: serve::claims };

/// What `proto/genkit_sample.proto` says, as Rust types: messages, and a client to call with.
pub mod proto {
    #![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "generated")]

    tonic::include_proto!("genkit.sample.v1");

    /// The descriptors of all this, as reflection tells them.
    pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");
}
