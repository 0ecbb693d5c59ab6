//! The flows on poem.
//!
//! The three adapters have the same files with the same contents in the same order, so that
//! `diff -r adapters/axum adapters/poem` compares the frameworks: `routes` mounts the flows, `extract`
//! and `reply` are the framework's typed way in and out, `edge` binds core's rules as middleware,
//! `docs` makes the OpenAPI document, `serve` runs it all on a listener. Only poem needs `accept`:
//! connections on which its server notices that the client left.

mod accept;
mod docs;
mod edge;
mod extract;
mod reply;
mod routes;
mod serve;

use flow_core::adapter::Adapter;

/// poem, as the application mounts it.
pub const ADAPTER: Adapter = Adapter { name: "poem", serve: serve::native, service: serve::hyper };
