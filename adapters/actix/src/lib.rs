//! The flows on actix-web.
//!
//! `routes` is yours: the flows' routes and handlers. The rest connects the framework to `flow-edge`. All adapters
//! have the same files, so that they can be compared: `extract` has the extractors, `reply` the responses, `edge` is
//! the middleware, `mount` adds probes and documentation, `serve` runs it all on a listener. Other files are what one
//! framework alone needs.

mod application;
mod bridge;
mod convert;
pub mod edge;
pub mod extract;
mod mount;
pub mod reply;
mod routes;
mod serve;
mod worker;

use api::FlowService;
use flow_listener::Adapter;

pub use mount::{Routes, post};

/// actix-web with the flows of this project, as the application mounts it.
pub const ADAPTER: Adapter<dyn FlowService> = adapter::<routes::FlowRoutes>();

/// actix-web with any routes. Generic because `tests/conformance` serves flows of its own.
pub const fn adapter<R: Routes>() -> Adapter<R::Flows> {
    Adapter {
        name: "actix",
        serve_natively: serve::native::<R>,
        hyper_service: serve::hyper::<R>,
        openapi: mount::openapi::<R>,
    }
}
