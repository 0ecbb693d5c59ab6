//! Requests that are reset as soon as they are sent.

use std::time::Instant;

use checks::Combination;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{SOON, answers, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_resets_stops_nobody() {
    for combination in Combination::all() {
        let server = start(combination);
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        let driven = tokio::spawn(connection);
        let mut reset = 0;
        let flood = async {
            let mut client = client;
            while reset < 20_000 {
                let Ok(ready) = client.ready().await else { break };
                client = ready;
                let request = http::Request::post(format!("http://{}/tell-joke/stream", server.address));
                let request = request.header("content-type", "application/json").body(()).unwrap();
                let Ok((answer, mut body)) = client.send_request(request, false) else { break };
                body.send_reset(h2::Reason::CANCEL);
                drop(answer);
                reset += 1;
                if reset % 100 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        };
        let began = Instant::now();
        let flooded = timeout(SOON, flood).await.is_ok();
        assert!(answers(server.address).await, "{combination}");
        driven.abort();
        println!("{combination}: {reset} resets in {:?}, finished: {flooded}", began.elapsed());
        assert!(reset > 20, "{combination}: no flood");
    }
}
