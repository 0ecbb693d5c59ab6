//! Clients that do not read their answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use checks::Combination;
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::start;

/// How long the server waits for a client that does not read (`docs/contract.md`, "SSE").
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Asks again and again over HTTP/1.1, without reading any answer, for as long as the server takes it.
async fn ask_without_reading(to: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let many = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    while let Ok(Ok(())) = timeout(Duration::from_secs(1), stream.write_all(&many)).await {}
    stream
}

/// Asks over HTTP/2, with no room for any answer, and keeps the connection alive.
async fn ask_without_room(to: SocketAddr) -> tokio::task::JoinHandle<Result<(), h2::Error>> {
    let stream = TcpStream::connect(to).await.unwrap();
    let connection = h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(stream);
    let (client, connection) = connection.await.unwrap();
    let driven = tokio::spawn(connection);
    let request = http::Request::get(format!("http://{to}/health")).body(()).unwrap();
    let (answer, _) = client.ready().await.unwrap().send_request(request, true).unwrap();
    let mut answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    tokio::spawn(async move {
        let _ = answer.body_mut().data().await;
    });
    driven
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_its_answers_loses_its_connection() {
    let servers = Combination::all().map(|combination| async move {
        let server = start(combination);
        // Its workers are still on their way when it says that it serves.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = server.descriptors();
        let silent = ask_without_reading(server.address).await;
        // axum's and poem's own listeners do not show what becomes of a stream of HTTP/2.
        let sees_streams = combination.listener == "hyper" || combination.framework == "actix";
        let without_room = if sees_streams { Some(ask_without_room(server.address).await) } else { None };
        let began = Instant::now();
        assert!(server.descriptors() > before, "{combination}: there is no connection");
        if let Some(driven) = without_room {
            let ended = timeout(READ_TIMEOUT * 2, driven).await;
            assert!(ended.is_ok(), "{combination}: the connection without room stays");
            println!("{combination}: without room ended after {:?}", began.elapsed());
        }
        // The kernel takes some bytes for a client that does not read, each time it probes whether it does again; the
        // probes come ever more seldom.
        while server.descriptors() > before {
            assert!(began.elapsed() < READ_TIMEOUT * 5, "{combination}: the connection stays");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        println!("{combination}: ended after {:?}", began.elapsed());
        drop(silent);
    });
    join_all(servers).await;
}
