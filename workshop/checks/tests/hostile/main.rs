//! Clients that mean harm: bodies without end, heads that never come, floods of resets; on every framework and
//! listener.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test, which tells what it saw"
)]

mod answers;
mod bodies;
mod floods;
mod heads;
mod images;
mod patience;
mod resets;
mod silence;
mod unread;

use std::net::SocketAddr;
use std::time::Duration;

use checks::Combination;
use harness::Process;

const SOON: Duration = Duration::from_secs(10);
const MIB: usize = 1024 * 1024;

/// A server that answers without a model and limits nobody.
fn start(combination: Combination) -> Process {
    start_with(combination, &[])
}

/// The same with further settings.
fn start_with(combination: Combination, settings: &[(&str, &str)]) -> Process {
    let usual = [
        ("MODEL", "demo"),
        ("WEB_CONCURRENCY", "2"),
        ("RATE_LIMIT_DEFAULT", "1000000/second"),
        ("NO_GRPC", "true"),
        ("LOG_LEVEL", "info"),
    ];
    combination.start(&[&usual, settings].concat())
}

/// Whether a well-made client gets its answer.
async fn answers(to: SocketAddr) -> bool {
    let client = reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap();
    let reply = client.post(format!("http://{to}/tell-joke")).json(&serde_json::json!({})).send().await;
    reply.is_ok_and(|it| it.status() == 200)
}
