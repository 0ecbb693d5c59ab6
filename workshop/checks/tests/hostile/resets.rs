//! Requests that are reset as soon as they are sent (CVE-2023-44487).

use std::net::SocketAddr;
use std::time::Instant;

use checks::Combination;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{SOON, answers, start};

/// Far more than the server puts up with: 20 that it has not yet accepted.
const FLOOD: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_resets_ends_its_connection_and_stops_nobody() {
    for combination in Combination::all() {
        let server = start(combination);
        let began = Instant::now();
        let (sent, end) = timeout(SOON, flood(server.address)).await.expect("the flood goes on");
        println!("{combination}: {sent} resets in {:?}, then {end:?}", began.elapsed());
        assert!(sent < FLOOD, "{combination}: all {sent} resets were taken");
        let end = end.expect_err("the connection was closed without an error");
        // The closing may overtake its reason.
        let reason = end.reason();
        assert!(end.is_io() || reason == Some(h2::Reason::ENHANCE_YOUR_CALM), "{combination}: {end:?}");
        assert!(answers(server.address).await, "{combination}");
    }
}

/// Sends requests and resets them until the connection ends. How many were sent, and how it ended.
async fn flood(to: SocketAddr) -> (usize, Result<(), h2::Error>) {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    for sent in 0..FLOOD {
        match client.ready().await {
            Ok(ready) => client = ready,
            Err(_) => return (sent, connection.await.unwrap()),
        }
        let request = http::Request::post(format!("http://{to}/tell-joke/stream"));
        let request = request.header("content-type", "application/json").body(()).unwrap();
        match client.send_request(request, false) {
            Ok((_, mut body)) => body.send_reset(h2::Reason::CANCEL),
            Err(_) => return (sent, connection.await.unwrap()),
        }
        // Lets the connection write what has gathered.
        if sent % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    drop(client);
    (FLOOD, connection.await.unwrap())
}
