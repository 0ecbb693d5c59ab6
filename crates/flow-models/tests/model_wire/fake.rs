//! A model server of any kind that answers as the cases say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::case::Reply;

/// Listens until it is dropped.
pub(crate) struct Fake {
    pub(crate) origin: String,
    players: Arc<Mutex<HashMap<String, Player>>>,
    _serving: JoinSet<()>,
}

/// What is played to those who ask with one key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Player {
    pub(crate) replies: Vec<Reply>,
    pub(crate) strict: Vec<String>,
    /// What it was asked: the bodies, and the heads.
    pub(crate) asked: Vec<Value>,
    pub(crate) heads: Vec<String>,
    /// How many calls were refused.
    refused: usize,
}

impl Player {
    pub(crate) fn new(replies: &[Reply], strict: &[String]) -> Self {
        Self { replies: replies.to_vec(), strict: strict.to_vec(), ..Self::default() }
    }
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let players: Arc<Mutex<HashMap<String, Player>>> = Arc::default();
        let (playing, mut serving) = (players.clone(), JoinSet::new());
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let players = playing.clone();
                connections.spawn(async move {
                    // A client that leaves is the case's business.
                    let _ = serve(stream, &players).await;
                });
            }
        });
        Self { origin, players, _serving: serving }
    }

    /// Plays this to whoever asks with the key from now on.
    pub(crate) fn play(&self, key: &str, player: Player) {
        self.players.lock().unwrap().insert(key.to_owned(), player);
    }

    /// What became of it.
    pub(crate) fn player(&self, key: &str) -> Player {
        self.players.lock().unwrap()[key].clone()
    }
}

async fn serve(mut stream: TcpStream, players: &Mutex<HashMap<String, Player>>) -> std::io::Result<()> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    let (head, body) = loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|it| it.strip_prefix("content-length:")?.trim().parse().ok());
        if bytes.len() >= end + 4 + length.unwrap_or(0) {
            break (head, bytes.split_off(end + 4));
        }
    };
    let reply = reply(&head, &String::from_utf8(body).unwrap(), players);
    stream.set_nodelay(true)?;
    let mut head = format!("HTTP/1.1 {} X\r\ncontent-type: {}\r\n", reply.status, reply.content_type);
    for (name, value) in &reply.headers {
        head.extend([name.as_str(), ": ", value, "\r\n"]);
    }
    head += "transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    for piece in reply.pieces.iter().filter(|it| !it.is_empty()) {
        stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await?;
        stream.flush().await?;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    stream.write_all(b"0\r\n\r\n").await
}

fn reply(head: &str, body: &str, players: &Mutex<HashMap<String, Player>>) -> Reply {
    let mut players = players.lock().unwrap();
    let Some((_, player)) = players.iter_mut().find(|(key, _)| body.contains(key.as_str())) else {
        return refusal(404, &json!({ "error": { "message": "no case asks so" } }));
    };
    let asked: Value = serde_json::from_str(body).unwrap();
    let refused = player.strict.iter().find_map(|it| refuses(it, &asked));
    player.asked.push(asked);
    player.heads.push(head.to_owned());
    if let Some(error) = refused {
        player.refused += 1;
        return refusal(400, &json!({ "type": "error", "error": error }));
    }
    let nth = player.asked.len() - player.refused - 1;
    player.replies[nth.min(player.replies.len() - 1)].clone()
}

fn refusal(status: u16, body: &Value) -> Reply {
    let pieces = vec![body.to_string()];
    Reply { status, content_type: "application/json".into(), pieces, headers: Vec::new() }
}

/// Why a strict server refuses a request.
fn refuses(rule: &str, asked: &Value) -> Option<Value> {
    let invalid = |message: String| json!({ "type": "invalid_request_error", "message": message });
    match rule {
        "tools-have-properties" => {
            let tools = asked["tools"].as_array().into_iter().flatten();
            let mut lacking = tools.filter(|it| it["function"]["parameters"].get("properties").is_none());
            lacking
                .next()
                .map(|_| invalid("Invalid schema for function: object schema missing properties.".into()))
        }
        "no-bounds" => {
            let schema = &asked["output_config"]["format"]["schema"];
            let text = schema.to_string();
            let bounds = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"];
            let found = bounds.iter().find(|it| text.contains(&format!("\"{it}\":")));
            found.map(|it| {
                invalid(format!(
                    "output_config.format.schema: For 'integer' type, property '{it}' is not supported"
                ))
            })
        }
        "no-temperature" => {
            let found = ["temperature", "top_p"].iter().find(|it| asked.get(**it).is_some());
            found.map(|it| {
                json!({
                    "type": "invalid_request_error",
                    "param": it,
                    "code": "unsupported_parameter",
                    "message": format!("Unsupported parameter: '{it}' is not supported with this model."),
                })
            })
        }
        // No member of this name, as a server that speaks less of the wire.
        other => {
            let name = other.strip_prefix("no-").unwrap_or_else(|| panic!("unknown rule {other}"));
            let found = asked.get(name).or_else(|| asked["output_config"].get(name));
            found.map(|_| invalid(format!("Unknown parameter: '{name}'.")))
        }
    }
}
