//! The model server behind all entrants: a Gemini that answers at once, or in chunks at a steady pace.
//!
//! The first part of a path is the pace, so that one server serves all workloads: `/at-once/v1beta/…`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

/// What a chunk of a stream says if nobody measures its way.
const WORDS: &str = "Why did the crab cross the road? ";

/// Chunks of a stream that ends.
pub const CHUNKS: usize = 50;

/// What a model is asked: for a whole answer, or for a stream.
pub const ASKED: [(&str, &str); 2] = [
    ("joke", "/at-once/v1beta/models/gemini-flash-latest:generateContent"),
    ("stream", "/at-once/v1beta/models/gemini-flash-latest:streamGenerateContent?alt=sse"),
];

/// How fast chunks come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// All of them in one piece each, without a pause.
    AtOnce,
    /// One each 20 ms; each says when it was sent.
    Paced,
    /// One a second until the client leaves; each says when it was sent.
    Slow,
}

impl Pace {
    /// The first part of the path.
    pub fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at-once",
            Self::Paced => "paced",
            Self::Slow => "slow",
        }
    }

    fn of(path: &str) -> Option<Self> {
        [Self::AtOnce, Self::Paced, Self::Slow]
            .into_iter()
            .find(|it| path.get(1..).is_some_and(|path| path.starts_with(it.name())))
    }

    fn every(self) -> Duration {
        match self {
            Self::AtOnce => Duration::ZERO,
            Self::Paced => Duration::from_millis(20),
            Self::Slow => Duration::from_secs(1),
        }
    }
}

/// Microseconds since this program first asked, which is what a chunk says.
pub fn now_us() -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGUN.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// When the chunk in this frame was sent, if it says so. A last frame repeats all chunks.
pub fn sent_at_us(frame: &[u8]) -> Option<u64> {
    if !frame.starts_with(br#"data: {"chunk""#) {
        return None;
    }
    let at = frame.windows(3).position(|it| it == b"at=")? + 3;
    let digits = frame.get(at..at + 12)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Serves on a thread of its own until the program ends.
pub fn start() -> anyhow::Result<SocketAddr> {
    now_us();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { serve(TcpListener::from_std(listener)?).await })
    });
    Ok(address)
}

async fn serve(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = hyper::service::service_fn(answer);
            // A server that leaves in the middle of a stream is no fault of the model's.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let pace = Pace::of(request.uri().path()).unwrap_or(Pace::AtOnce);
    let streamed = request.uri().path().ends_with(":streamGenerateContent");
    request.into_body().collect().await?;
    let (kind, body) = if streamed {
        ("text/event-stream", StreamBody::new(Chunks::new(pace)).boxed_unsync())
    } else {
        ("application/json", Full::new(whole()).boxed_unsync())
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

fn event(text: &str, last: bool) -> String {
    let finish = if last { r#","finishReason":"STOP""# } else { "" };
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}},"index":0{finish}}}],"usageMetadata":{{"promptTokenCount":9,"candidatesTokenCount":12,"totalTokenCount":21}},"modelVersion":"fake"}}"#
    )
}

fn whole() -> Bytes {
    static WHOLE: OnceLock<Bytes> = OnceLock::new();
    WHOLE.get_or_init(|| event(WORDS, true).into()).clone()
}

fn piece(last: bool) -> Bytes {
    static PIECES: OnceLock<[Bytes; 2]> = OnceLock::new();
    let pieces = PIECES
        .get_or_init(|| [false, true].map(|last| format!("data: {}\r\n\r\n", event(WORDS, last)).into()));
    pieces[usize::from(last)].clone()
}

/// The events of one stream.
struct Chunks {
    pace: Pace,
    ticks: Option<Interval>,
    sent: usize,
}

impl Chunks {
    fn new(pace: Pace) -> Self {
        let ticks = (pace != Pace::AtOnce).then(|| {
            let mut ticks = interval_at(tokio::time::Instant::now() + pace.every(), pace.every());
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        Self { pace, ticks, sent: 0 }
    }
}

impl Stream for Chunks {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.sent == CHUNKS && self.pace != Pace::Slow {
            return Poll::Ready(None);
        }
        let last = self.sent + 1 == CHUNKS && self.pace != Pace::Slow;
        let bytes = match &mut self.ticks {
            None => piece(last),
            Some(ticks) => {
                if ticks.poll_tick(context).is_pending() {
                    return Poll::Pending;
                }
                format!("data: {}\r\n\r\n", event(&format!("at={:012} ", now_us()), last)).into()
            }
        };
        self.sent += 1;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_says_when_it_was_sent() {
        assert_eq!(sent_at_us(br#"data: {"chunk":"at=000001234567 "}"#), Some(1_234_567));
        assert_eq!(sent_at_us(br#"data: {"done":true,"joke":"at=000001234567 "}"#), None);
        assert_eq!(sent_at_us(br#"data: {"chunk":"no time"}"#), None);
        assert_eq!(sent_at_us(br#"data: {"chunk":"at=12"#), None);
    }

    #[test]
    fn the_path_says_the_pace() {
        assert_eq!(Pace::of("/slow/v1beta/models/x:streamGenerateContent"), Some(Pace::Slow));
        assert_eq!(Pace::of("/v1beta"), None);
    }
}
