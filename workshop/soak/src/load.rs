//! The clients: each sends one request after the other, without a pause, until told to stop.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use futures_util::{StreamExt, stream};
use reqwest::header::{ACCEPT, ALLOW, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::answer::{Answer, Expect, check};
use crate::kinds;
use crate::records::{Left, Records, Seen, request_id};
use crate::request::{Body, Leave, Request};

/// No answer takes longer: the server gives its model two seconds.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// One request in so many asks to close its HTTP/1.1 connection, so that new ones keep being made.
const CLOSES: u32 = 25;

/// What the clients of a run share.
#[derive(Debug)]
pub struct Load {
    server: SocketAddr,
    pub records: Arc<Records>,
    stop: AtomicBool,
    tally: Mutex<Tally>,
}

/// What became of the requests.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Right answers by status.
    pub by_status: BTreeMap<u16, u64>,
    /// Requests by kind.
    pub by_kind: BTreeMap<&'static str, u64>,
    /// Failures by what was sent and the reason, with how many there were and the first one's id.
    pub failures: BTreeMap<String, (u64, String)>,
    /// The slowest right answer, a stream's end included.
    pub slowest: Duration,
}

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    H2c,
}

impl Load {
    pub fn new(server: SocketAddr, records: Arc<Records>) -> Arc<Self> {
        Arc::new(Self { server, records, stop: AtomicBool::new(false), tally: Mutex::default() })
    }

    /// Starts the clients. They have ended, and their connections are closed, when the set is empty.
    pub fn start(self: &Arc<Self>, clients: Vec<OneClient>) -> JoinSet<()> {
        clients.into_iter().map(|it| it.run(self.clone())).collect()
    }

    /// Lets each client finish its request and no more.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the clients have been told to stop.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts what became of a request of this kind, and remembers failures by `what` was sent.
    pub fn count(
        &self,
        kind: &'static str,
        what: &str,
        number: usize,
        took: Duration,
        seen: &Result<Seen, String>,
    ) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        *tally.by_kind.entry(kind).or_default() += 1;
        match seen {
            Ok(Seen::Answered { status, .. }) => {
                *tally.by_status.entry(*status).or_default() += 1;
                tally.slowest = tally.slowest.max(took);
            }
            Ok(_) => {}
            Err(why) => {
                let what = format!("{what}: {why}");
                tally.failures.entry(what).or_insert_with(|| (0, request_id(number))).0 += 1;
            }
        }
    }
}

/// A client with connections of its own, over either protocol.
#[derive(Debug)]
pub struct OneClient {
    http1: Client,
    h2c: Client,
    rng: Rng,
}

impl OneClient {
    pub fn new(seed: u64) -> reqwest::Result<Self> {
        // Without the certificates of the world, which take long to read and vouch for nobody here. Without
        // retries, which would hide failures.
        let builder = || Client::builder().no_proxy().tls_certs_only([]).retry(reqwest::retry::never());
        Ok(Self {
            http1: builder().http1_only().build()?,
            h2c: builder().http2_prior_knowledge().build()?,
            rng: Rng::with_seed(seed),
        })
    }

    async fn run(mut self, load: Arc<Load>) {
        while !load.stopped() {
            let (kind, request) = kinds::pick(&mut self.rng);
            let protocol = if self.rng.bool() { Protocol::Http1 } else { Protocol::H2c };
            let closes = protocol == Protocol::Http1 && self.rng.u32(..CLOSES) == 0;
            let number = load.records.add();
            let begun = Instant::now();
            let builder = self.builder(load.server, protocol, closes, &request, number);
            let id = request_id(number);
            let seen = timeout(DEADLINE, exchange(builder, &request, &id));
            let seen = seen.await.unwrap_or_else(|_| Err(format!("not answered within {DEADLINE:?}")));
            let kind = kinds::KINDS[kind].0;
            load.count(kind, &format!("{kind} over {protocol:?}"), number, begun.elapsed(), &seen);
            load.records.end(number, seen.unwrap_or(Seen::Failed));
        }
    }

    fn builder(
        &self,
        server: SocketAddr,
        protocol: Protocol,
        closes: bool,
        request: &Request,
        number: usize,
    ) -> RequestBuilder {
        let client = if protocol == Protocol::Http1 { &self.http1 } else { &self.h2c };
        let method = match request.method {
            "GET" => reqwest::Method::GET,
            "HEAD" => reqwest::Method::HEAD,
            "PUT" => reqwest::Method::PUT,
            "DELETE" => reqwest::Method::DELETE,
            _ => reqwest::Method::POST,
        };
        let mut builder = client.request(method, format!("http://{server}{}", request.path));
        builder = builder.header("x-request-id", request_id(number));
        if let Some(content_type) = request.content_type {
            builder = builder.header(CONTENT_TYPE, content_type);
        }
        if request.accept_stream {
            builder = builder.header(ACCEPT, "text/event-stream");
        }
        if closes {
            builder = builder.header(CONNECTION, "close");
        }
        match &request.body {
            Body::None => builder,
            Body::Whole(bytes) => builder.body(bytes.clone()),
            Body::Pieces(pieces) => {
                let pieces = stream::iter(pieces.clone()).map(Ok::<_, std::io::Error>);
                builder.body(reqwest::Body::wrap_stream(pieces))
            }
            Body::Unfinished(bytes) => {
                let piece = stream::iter([Ok::<_, std::io::Error>(bytes.clone())]);
                builder.body(reqwest::Body::wrap_stream(piece.chain(stream::pending())))
            }
        }
    }
}

/// Sends a request and sees it through to its end, or leaves as planned.
async fn exchange(builder: RequestBuilder, request: &Request, id: &str) -> Result<Seen, String> {
    let begun = Instant::now();
    let left = |what| {
        let after_ms = u16::try_from(begun.elapsed().as_millis()).unwrap_or(u16::MAX);
        Ok(Seen::Left { what, after_ms, rpc: false })
    };
    let response = match request.leave {
        Some(Leave::Waiting(limit)) => match timeout(limit, builder.send()).await {
            Err(_) => return left(Left::Waiting),
            Ok(response) => response,
        },
        Some(Leave::Sending(limit)) => match timeout(limit, builder.send()).await {
            Err(_) => return left(Left::Sending),
            Ok(response) => response,
        },
        _ => builder.send().await,
    };
    let response = response.map_err(|it| format!("no answer: {}", root(&it)))?;
    let mut answer = head(&response);
    let mut body = response.bytes_stream();
    if let Some(Leave::Streaming(limit)) = request.leave {
        let first = body.next().await.ok_or("a stream of nothing")?;
        answer.body.extend_from_slice(&first.map_err(|it| cut(&it))?);
        if answer.status != 200 || !answer.body.starts_with(b"data: ") {
            return Err(format!("{} and no chunk where a stream was expected", answer.status));
        }
        match timeout(limit, read(&mut answer, &mut body)).await {
            Err(_) => return left(Left::Stream),
            Ok(whole) => whole?,
        }
    } else {
        read(&mut answer, &mut body).await?;
    }
    check(&answer, &request.expect, id)?;
    let stream = matches!(request.expect, Expect::Stream { .. });
    Ok(Seen::Answered { status: answer.status, stream })
}

async fn read<S>(answer: &mut Answer, body: &mut S) -> Result<(), String>
where
    S: futures_util::Stream<Item = reqwest::Result<Bytes>> + Unpin,
{
    while let Some(piece) = body.next().await {
        answer.body.extend_from_slice(&piece.map_err(|it| cut(&it))?);
    }
    Ok(())
}

fn head(response: &Response) -> Answer {
    let headers = response.headers();
    Answer {
        status: response.status().as_u16(),
        content_type: text(headers, CONTENT_TYPE),
        request_id: text(headers, HeaderName::from_static("x-request-id")),
        allow: headers.contains_key(ALLOW),
        retry_after: headers.contains_key(RETRY_AFTER),
        body: Vec::new(),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> String {
    headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
}

fn cut(error: &reqwest::Error) -> String {
    format!("the body was cut: {}", root(error))
}

/// The cause of all causes; what stands before it names addresses, which differ.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
