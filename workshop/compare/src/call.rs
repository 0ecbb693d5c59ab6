//! One call: its bytes, and its way over a connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE};
use hyper::{Method, Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// No connection and no answer takes longer, or it counts as a failure; under valgrind a first one takes seconds.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The call of a workload.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: &'static str,
    /// JSON, or a message of gRPC without its prefix. None is a GET.
    pub body: Option<Bytes>,
    pub grpc: bool,
    pub gzip: bool,
    /// A connection of its own, closed after the answer.
    pub closes: bool,
}

impl Call {
    pub fn get(path: &'static str) -> Self {
        Self { path, body: None, grpc: false, gzip: false, closes: false }
    }

    pub fn post(path: &'static str, body: impl Into<Bytes>) -> Self {
        Self { body: Some(body.into()), ..Self::get(path) }
    }

    pub fn grpc(path: &'static str) -> Self {
        // A message without fields: each flow then takes its defaults, as `{}` does over REST.
        Self { grpc: true, ..Self::post(path, Bytes::new()) }
    }

    fn request(&self, address: SocketAddr) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut builder =
            Request::builder().method(if self.body.is_some() { Method::POST } else { Method::GET });
        let mut body = self.body.clone().unwrap_or_default();
        if self.grpc {
            builder = builder.uri(format!("http://{address}{}", self.path)).header(TE, "trailers");
            let mut framed = BytesMut::with_capacity(5 + body.len());
            framed.put_u8(0);
            framed.put_u32(u32::try_from(body.len())?);
            framed.put(body);
            body = framed.freeze();
        } else {
            builder = builder.uri(self.path).header(HOST, address.to_string());
        }
        if self.body.is_some() {
            builder =
                builder.header(CONTENT_TYPE, if self.grpc { "application/grpc" } else { "application/json" });
        }
        if self.gzip {
            builder = builder.header("accept-encoding", "gzip");
        }
        if self.closes {
            builder = builder.header(CONNECTION, "close");
        }
        Ok(builder.body(Full::new(body))?)
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    sender: Sender,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Connects. `nth` chooses the client's address: a server may limit the connections of one.
    pub async fn open(address: SocketAddr, grpc: bool, nth: usize) -> anyhow::Result<Self> {
        timeout(DEADLINE, Self::connect(address, grpc, nth)).await.context("no connection in time")?
    }

    async fn connect(address: SocketAddr, grpc: bool, nth: usize) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        let last = u8::try_from(1 + nth / 1000).unwrap_or(u8::MAX);
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0))?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        let (sender, task) = if grpc {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
            (Sender::Http2(sender), tokio::spawn(async move { drop(connection.await) }))
        } else {
            let (sender, connection) = http1::handshake(stream).await?;
            (Sender::Http1(sender), tokio::spawn(async move { drop(connection.await) }))
        };
        Ok(Self { address, sender, task })
    }

    pub async fn send(&mut self, call: &Call) -> anyhow::Result<Response<Incoming>> {
        let request = call.request(self.address)?;
        Ok(match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        })
    }

    /// Sends, reads all and says what came.
    pub async fn ask(&mut self, call: &Call) -> anyhow::Result<Answer> {
        timeout(DEADLINE, self.exchange(call)).await.context("no answer in time")?
    }

    async fn exchange(&mut self, call: &Call) -> anyhow::Result<Answer> {
        let response = self.send(call).await?;
        let status = response.status().as_u16();
        let header = |name: HeaderName| {
            let value = response.headers().get(name).map(HeaderValue::as_bytes).unwrap_or_default();
            String::from_utf8_lossy(value).into_owned()
        };
        let content_type = header(CONTENT_TYPE);
        let collected = response.into_body().collect().await?;
        let grpc_status = collected.trailers().and_then(|it| it.get("grpc-status"));
        let grpc_status = grpc_status.and_then(|it| it.to_str().ok()).map(str::to_owned);
        Ok(Answer { status, content_type, grpc_status, body: collected.to_bytes() })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all entrants must say alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub grpc_status: Option<String>,
    pub body: Bytes,
}

impl Answer {
    /// In what it is another answer.
    pub fn differs(&self, other: &Self) -> Option<String> {
        if self == other {
            return None;
        }
        let start = |it: &Self| String::from_utf8_lossy(&it.body).chars().take(60).collect::<String>();
        Some(if self.status != other.status {
            format!("status {}", self.status)
        } else if self.grpc_status != other.grpc_status {
            format!("grpc-status {:?}", self.grpc_status)
        } else if self.content_type != other.content_type {
            format!("content type {}", self.content_type)
        } else {
            format!(
                "another body of {} bytes and not {}: {:?}",
                self.body.len(),
                other.body.len(),
                start(self)
            )
        })
    }
}
