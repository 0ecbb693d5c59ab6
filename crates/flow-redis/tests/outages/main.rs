//! Redis slow, gone, and back.
//!
//! How long operations take is measured here, so these tests run one at a time.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

mod absent;
mod load;
#[path = "../server/mod.rs"]
mod server;
mod slow;

static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
