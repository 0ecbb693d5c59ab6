//! The flows on poem.
//!
//! `routes` is yours: the flows' routes and handlers. The rest is the joint between the framework and `flow-edge`,
//! the same files in each adapter, so that they can be compared: `extract`
//! is the typed way in, `reply` the typed way out, `edge` the middleware, `mount` adds probes and documentation,
//! `serve` runs it all on a listener. Other files are what one framework alone needs.

mod accept;
pub mod edge;
pub mod extract;
mod mount;
pub mod reply;
mod routes;
mod schema;
mod serve;

use api::FlowService;
use flow_listener::Adapter;

pub use mount::Routes;

/// poem with the flows of this project, as the application mounts it.
pub const ADAPTER: Adapter<dyn FlowService> = adapter::<routes::FlowRoutes>();

/// poem with any routes.
pub const fn adapter<R: Routes>() -> Adapter<R::Flows> {
    Adapter {
        name: "poem",
        serve_natively: serve::native::<R>,
        hyper_service: serve::hyper::<R>,
        openapi: mount::openapi::<R>,
    }
}
