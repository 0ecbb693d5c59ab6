//! Version 2 of the protocol: a WebSocket to the tools, with JSON-RPC 2.0 in both directions.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tokio_websockets::{ClientBuilder, Limits, MaybeTlsStream, Message, WebSocketStream};

use crate::rpc::{self, Incoming};
use crate::run::Runner;

/// The largest message, in bytes. A model's request may hold images.
const MAX_MESSAGE: usize = 30 * 1024 * 1024;

/// How many messages may wait to be written.
const OUTGOING: usize = 256;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the last answers may take at the end.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// How long to wait before the first new attempt, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// The code of an answer to `register` that will not be another one.
const UNAUTHORIZED: i64 = -32001;

/// The id of the only request that is sent from here.
const REGISTER: &str = "1";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a connection ended.
enum End {
    Lost,
    /// The tools do not want this runtime.
    Refused,
    /// The program ends.
    Ending,
}

/// Keeps a connection to the tools until `ending` is cancelled.
pub(crate) async fn keep(url: &str, register: Value, runner: Arc<Runner>, ending: CancellationToken) {
    let mut wait = BACKOFF.0;
    loop {
        let end = tokio::select! {
            () = ending.cancelled() => return,
            socket = connect(url) => match socket {
                Some(socket) => {
                    wait = BACKOFF.0;
                    tracing::info!(url, "connected to Genkit's developer tools");
                    connected(socket, &register, &runner, &ending).await
                }
                None => End::Lost,
            },
        };
        match end {
            End::Lost => tracing::debug!(url, "Genkit's developer tools cannot be reached"),
            End::Refused => {
                tracing::error!(url, "Genkit's developer tools refuse GENKIT_REFLECTION_SECRET_TOKEN");
                return;
            }
            End::Ending => return,
        }
        tokio::select! {
            () = ending.cancelled() => return,
            () = sleep(wait) => wait = (wait * 2).min(BACKOFF.1),
        }
    }
}

async fn connect(url: &str) -> Option<Socket> {
    let limits = Limits::default().max_payload_len(Some(MAX_MESSAGE));
    let client = ClientBuilder::from_uri(url.parse().ok()?).limits(limits);
    match timeout(CONNECT_TIMEOUT, client.connect()).await {
        Ok(Ok((socket, _))) => {
            let MaybeTlsStream::Plain(connection) = socket.get_ref();
            // Without it a chunk may wait for the one before.
            let _ = connection.set_nodelay(true);
            Some(socket)
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "no WebSocket");
            None
        }
        Err(_) => None,
    }
}

/// Serves one connection. What runs for it ends with it.
async fn connected(
    socket: Socket,
    register: &Value,
    runner: &Arc<Runner>,
    ending: &CancellationToken,
) -> End {
    let (mut sink, mut source) = socket.split();
    let (send, mut outgoing) = mpsc::channel::<String>(OUTGOING);
    let mut writer = AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(text) = outgoing.recv().await {
            if !matches!(timeout(WRITE_TIMEOUT, sink.send(Message::text(text))).await, Ok(Ok(()))) {
                return;
            }
        }
        let _ = timeout(LAST_ANSWERS, sink.close()).await;
    }));
    let mut runs = JoinSet::new();
    let hello = json!({ "jsonrpc": "2.0", "id": REGISTER, "method": "register", "params": register });
    let _ = send.send(hello.to_string()).await;
    let end = loop {
        let message = tokio::select! {
            () = ending.cancelled() => break End::Ending,
            _ = &mut writer => break End::Lost,
            Some(_) = runs.join_next() => continue,
            message = source.next() => message,
        };
        // Pings are answered by the library.
        let message = match message {
            Some(Ok(message)) if !message.is_close() => message,
            _ => break End::Lost,
        };
        let Some(text) = message.as_text() else { continue };
        match rpc::read(text) {
            Some(Incoming::Asked(asked)) => {
                let (runner, send) = (runner.clone(), send.clone());
                if asked.is_quick() {
                    asked.answer(&runner, &send).await;
                } else {
                    runs.spawn(async move { asked.answer(&runner, &send).await });
                }
            }
            Some(Incoming::Answered { id, result }) if id == REGISTER => match result {
                Ok(result) => runner.adopt(result["telemetryServerUrl"].as_str()),
                Err(UNAUTHORIZED) => break End::Refused,
                Err(code) => tracing::warn!(code, "Genkit's developer tools do not register this program"),
            },
            _ => tracing::debug!("a message of Genkit's developer tools was not understood"),
        }
    };
    if matches!(end, End::Ending) {
        // What runs was told to end, and its callers are to know.
        let _ = timeout(LAST_ANSWERS, async { while runs.join_next().await.is_some() {} }).await;
    }
    drop((send, runs));
    let _ = timeout(LAST_ANSWERS, writer).await;
    end
}
