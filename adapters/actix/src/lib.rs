//! The flows on actix-web.
//!
//! The three adapters have the same files with the same contents in the same order, so that
//! `diff -r adapters/axum adapters/actix` compares the frameworks: `routes` mounts the flows, `extract`
//! and `reply` are the framework's typed way in and out, `edge` binds core's rules as middleware,
//! `docs` makes the OpenAPI document, `serve` runs it all on a listener. Three files are actix-web's alone:
//! `bridge` carries requests and answers between hyper's types and its own, `worker` is what its server
//! runs on each thread, `limit` ends connections on which its clients go on sending.

mod bridge;
mod docs;
mod edge;
mod extract;
mod limit;
mod reply;
mod routes;
mod serve;
mod worker;

use flow_core::adapter::Adapter;

/// actix-web, as the application mounts it.
pub const ADAPTER: Adapter = Adapter { name: "actix", serve: serve::native, service: serve::hyper };
