//! Genkit's developer tools, as far as a program sees them: a telemetry server, and a server of version 2.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Json, State};
use axum::routing::post;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};
use tokio_util::task::AbortOnDropHandle;

/// Keeps what is posted to `/api/traces`.
pub(crate) struct Telemetry {
    pub(crate) url: String,
    posts: Arc<Mutex<Vec<Value>>>,
    _serving: AbortOnDropHandle<()>,
}

impl Telemetry {
    pub(crate) async fn start() -> Self {
        let posts = Arc::<Mutex<Vec<Value>>>::default();
        let take = async |State(kept): State<Arc<Mutex<Vec<Value>>>>, Json(body): Json<Value>| {
            kept.lock().unwrap().push(body);
            "OK"
        };
        let app = Router::new().route("/api/traces", post(take)).with_state(posts.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, posts, _serving: AbortOnDropHandle::new(serving) }
    }

    /// What was posted of this trace, in order.
    pub(crate) fn of(&self, trace: &str) -> Vec<Value> {
        self.posts.lock().unwrap().iter().filter(|it| it["traceId"] == trace).cloned().collect()
    }
}

/// Waits for a program, as `genkit start --experimental-reflection-v2` does.
pub(crate) struct Manager {
    pub(crate) url: String,
    listener: TcpListener,
}

/// A program that has connected.
pub(crate) struct Connection {
    socket: WebSocketStream<TcpStream>,
    next: usize,
}

impl Manager {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        Self { url, listener }
    }

    /// The next connection, and what the program registers with.
    pub(crate) async fn accept(&self) -> (Connection, Value) {
        let (stream, _) = timeout(Duration::from_secs(20), self.listener.accept()).await.unwrap().unwrap();
        let mut connection = Connection { socket: accept_async(stream).await.unwrap(), next: 1 };
        let register = connection.read().await;
        assert_eq!(register["method"], "register");
        (connection, register)
    }
}

impl Connection {
    pub(crate) async fn send(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message.
    pub(crate) async fn read(&mut self) -> Value {
        loop {
            let message = timeout(Duration::from_secs(20), self.socket.next()).await.unwrap();
            if let Message::Text(text) = message.expect("the connection stands").unwrap() {
                return serde_json::from_str(text.as_str()).unwrap();
            }
        }
    }

    /// Sends a request and returns its id.
    pub(crate) async fn ask(&mut self, method: &str, params: &Value) -> String {
        self.next += 1;
        let id = self.next.to_string();
        let mut request = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if !params.is_null() {
            request["params"] = params.clone();
        }
        self.send(&request).await;
        id
    }

    /// All messages up to the answer to this request.
    pub(crate) async fn until_answered(&mut self, id: &str) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let message = self.read().await;
            let is_last = message["id"] == id;
            messages.push(message);
            if is_last {
                return messages;
            }
        }
    }

    /// Whether the program leaves.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let left = async {
            loop {
                if matches!(self.socket.next().await, None | Some(Ok(Message::Close(_)) | Err(_))) {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(10), left).await.is_ok()
    }
}
