//! Replicas on one real Redis: what they share while it is well.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

mod cache;
mod rate;
#[path = "../server/mod.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod server;
mod sessions;
mod tls;
