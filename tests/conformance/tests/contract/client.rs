//! A client that says exactly what a case wants said, well-formed or not, and reads what comes back.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing in the suite takes longer; a reply that does is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

/// How a body is framed.
#[derive(Clone, Debug)]
pub enum Body {
    None,
    Whole(Vec<u8>),
    Chunked(Vec<Vec<u8>>),
    /// Declares another length than it has; what is declared is never sent.
    Declared(u64, Vec<u8>),
}

/// One reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Over HTTP/1.1, on a connection of its own.
    pub async fn send(&self, to: SocketAddr) -> Result<Reply, String> {
        let exchange = async {
            let mut stream = TcpStream::connect(to).await.map_err(|it| format!("connect: {it}"))?;
            let (mut reader, mut writer) = stream.split();
            let request = self.bytes(to);
            let write = async {
                // A server may answer and close before it has read everything; that is not a failure.
                let _ = writer.write_all(&request).await;
                std::future::pending::<()>().await;
            };
            let mut bytes = Vec::new();
            let read = async {
                match reader.read_to_end(&mut bytes).await {
                    Ok(_) => Ok(()),
                    // Closed with unread bytes of ours under way; what came before still counts.
                    Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(()),
                    Err(error) => Err(format!("read: {error}")),
                }
            };
            tokio::select! { () = write => unreachable!(), read = read => read? }
            parse(&bytes, self.method == "HEAD")
        };
        timeout(PATIENCE, exchange).await.map_err(|_| "no whole reply within 20 s".to_owned())?
    }

    /// Over h2c with prior knowledge; `None` where HTTP/2 cannot say it.
    pub async fn send_h2(&self, to: SocketAddr, client: &reqwest::Client) -> Option<Result<Reply, String>> {
        let body = match &self.body {
            Body::None => reqwest::Body::default(),
            Body::Whole(bytes) => bytes.clone().into(),
            Body::Chunked(chunks) => {
                let chunks = chunks.clone().into_iter().map(Ok::<_, std::io::Error>);
                reqwest::Body::wrap_stream(futures_util::stream::iter(chunks))
            }
            Body::Declared(..) => return None,
        };
        if self.headers.iter().any(|(name, _)| *name == "host") {
            return None;
        }
        let url = format!("http://{to}{}", self.target);
        // URL parsing would mend what a case wants broken.
        if reqwest::Url::parse(&url).is_ok_and(|it| it.as_str() != url) {
            return None;
        }
        let mut request = client.request(self.method.parse().unwrap(), url).body(body).timeout(PATIENCE);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        Some(
            async {
                let response = request.send().await.map_err(|it| format!("h2c: {it:?}"))?;
                let status = response.status().as_u16();
                let headers = response.headers().iter();
                let headers =
                    headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
                let headers = headers.collect();
                let body = response.bytes().await.map_err(|it| format!("h2c body: {it:?}"))?.to_vec();
                Ok(Reply { status, headers, body })
            }
            .await,
        )
    }

    fn bytes(&self, to: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| *name == "host") {
            write!(head, "host: {to}\r\n").unwrap();
        }
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let mut body = Vec::new();
        match &self.body {
            Body::None => {}
            Body::Whole(bytes) => {
                write!(head, "content-length: {}\r\n", bytes.len()).unwrap();
                body.extend_from_slice(bytes);
            }
            Body::Declared(length, bytes) => {
                write!(head, "content-length: {length}\r\n").unwrap();
                body.extend_from_slice(bytes);
            }
            Body::Chunked(chunks) => {
                head.push_str("transfer-encoding: chunked\r\n");
                for chunk in chunks {
                    body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    body.extend_from_slice(chunk);
                    body.extend_from_slice(b"\r\n");
                }
                body.extend_from_slice(b"0\r\n\r\n");
            }
        }
        head.push_str("\r\n");
        [head.into_bytes(), body].concat()
    }
}

/// Parses a whole HTTP/1.1 reply, body framing undone.
pub fn parse(bytes: &[u8], head_only: bool) -> Result<Reply, String> {
    let end = find(bytes, b"\r\n\r\n")
        .ok_or_else(|| format!("no whole head: {}", String::from_utf8_lossy(bytes)))?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "a head that is no text")?;
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = status_line.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or("no status")?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let rest = &bytes[end + 4..];
    let value = |name: &str| headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
    let body = if head_only {
        if !rest.is_empty() {
            return Err("a reply to HEAD has a body".into());
        }
        Vec::new()
    } else if value("transfer-encoding") == Some("chunked") {
        dechunk(rest)?
    } else {
        let length = value("content-length").and_then(|it| it.parse().ok()).unwrap_or(rest.len());
        if rest.len() != length {
            return Err(format!("{} bytes of body where {length} were promised", rest.len()));
        }
        rest.to_vec()
    };
    Ok(Reply { status, headers, body })
}

fn dechunk(mut rest: &[u8]) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        let end = find(rest, b"\r\n").ok_or("a cut chunk head")?;
        let size = std::str::from_utf8(&rest[..end]).map_err(|_| "a chunk size that is no text")?;
        let size = usize::from_str_radix(size, 16).map_err(|_| "a chunk size that is no number")?;
        if size == 0 {
            return Ok(body);
        }
        let chunk = rest.get(end + 2..end + 2 + size).ok_or("a cut chunk")?;
        body.extend_from_slice(chunk);
        rest = &rest[end + 4 + size..];
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|it| it == what)
}
