//! The port between AI flows and the frameworks that serve them.
//!
//! Everything a client can observe and that must be the same whichever framework answers lives here, on
//! plain types: no framework, no I/O, no environment. Read in this order:
//!
//! 1. [`service`]: the trait a project implements once.
//! 2. [`schema`]: what goes in and comes out of each flow, and the limits on it.
//! 3. [`error`]: everything that can go wrong, and its face in each protocol.
//! 4. [`wire`]: bytes to input, errors and streams to bytes.
//! 5. [`edge`]: what a request passes before a flow sees it.
//! 6. [`adapter`]: what a framework's crate offers to be mounted.

pub mod adapter;
pub mod docs;
pub mod drain;
pub mod edge;
pub mod error;
pub mod openapi;
pub mod schema;
pub mod service;
pub mod wire;

pub use error::{ErrorKind, FlowError};
pub use service::{FlowService, FlowStream, Flows, StreamEvent};
