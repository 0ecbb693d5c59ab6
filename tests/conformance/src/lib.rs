//! The flows that the tests drive, instead of the project's own: a project that changes or deletes its flows keeps
//! these tests as they are.
//!
//! `api` is what they promise, `flows` is what they do, `routes` serves them on each adapter, `server` runs them in
//! a test's process; the program `test-server` runs them in one of its own, with the settings of the real one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test's own tool, which fails loudly"
)]

pub mod api;
mod flows;
pub mod routes;
mod server;

pub use flows::{PANIC, flows};
pub use server::{Server, settings};

// eject: grpc
/// What `proto/test_flows.proto` says, as Rust types: messages, and a client to call with.
#[cfg(feature = "grpc")]
pub mod proto {
    #![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "generated")]

    tonic::include_proto!("test.flows.v1");

    /// The descriptors of all this, as reflection tells them.
    pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");
}
// eject: end
