//! gRPC from outside: the twins of what the REST suite asks for, and what only gRPC has.
//!
//! It is dropped together with `adapters/grpc`; cargo leaves it out when the feature is off.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test"
)]

mod answers;
mod edge;
mod faults;
mod hostile;
#[path = "../contract/leaks.rs"]
mod leaks;
mod lifecycle;
mod server;
mod single_port;
mod tls;
mod wire;
