//! The body of an answer: bytes, or a stream of them.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

/// For how many headers an answer has room: its own, and all that the edge may add. To grow costs more than to add them.
const HEADERS: usize = 24;

/// An answer for an adapter to turn into its framework's own.
pub type Answer = http::Response<Body>;

/// The body of an [`Answer`].
pub enum Body {
    /// The whole body; empty after it was polled.
    Whole(Bytes),
    /// Frames, each written and flushed by itself.
    Events(Pin<Box<dyn Stream<Item = Bytes> + Send + Sync>>),
}

/// An answer of this body, with status 200 and without headers.
pub(super) fn answer(body: Body) -> Answer {
    let mut answer = Answer::new(body);
    *answer.headers_mut() = HeaderMap::with_capacity(HEADERS);
    answer
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // What is sent may be a model's answer, which enters no log.
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Events(_) => f.write_str("Events"),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Events(events) => {
                events.as_mut().poll_next(cx).map(|it| it.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
