//! What a request still sends when its answer is ready.
//!
//! An answer may overtake its request's body: a route that does not exist, a missing key, a body that is too long. In
//! HTTP/1 the connection can carry another request only once that body is read (RFC 9112 §9.3). A short rest is read
//! here and thrown away. For a long one the connection closes, and the answer says so: a proxy that is not told sends
//! another client's request into a connection that is about to end.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, HeaderValue, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::timeout;

/// How many bytes of a rest are read, and for how long.
const LONGEST: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_millis(200);

/// A request's body, which comes back from a handler that drops it unread.
pub struct Lent<B> {
    body: Option<B>,
    back: Option<Back<B>>,
}

/// What a handler has left of a request's body.
pub struct Unread<B> {
    rest: Option<Back<B>>,
    may_be_read: bool,
}

type Back<B> = Arc<Mutex<Option<B>>>;

/// Lends a request's body to whoever handles it.
pub fn lend<B: Body>(body: B, version: Version, headers: &HeaderMap) -> (Lent<B>, Unread<B>) {
    // In HTTP/2 each request has a stream of its own, which can be reset.
    let back = (version < Version::HTTP_2 && !body.is_end_stream()).then(Back::default);
    let unread = Unread { may_be_read: back.is_some() && may_be_read(headers), rest: back.clone() };
    (Lent { body: Some(body), back }, unread)
}

/// Whether it is worth reading a rest: not one that is known to be long, and not one that the client sends only once it
/// is asked to.
fn may_be_read(headers: &HeaderMap) -> bool {
    let declared = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    !headers.contains_key(EXPECT) && declared.is_none_or(|length: usize| length <= LONGEST)
}

impl<B: Body<Data = Bytes> + Unpin> Unread<B> {
    /// Reads on to the end of a short rest. Before a long one the answer says that the connection closes.
    pub async fn finish(self, answer: &mut HeaderMap) {
        let Some(mut rest) =
            self.rest.and_then(|it| it.lock().unwrap_or_else(PoisonError::into_inner).take())
        else {
            return;
        };
        let reading = async { self.may_be_read && reads_to_its_end(&mut rest).await };
        if !timeout(PATIENCE, reading).await.unwrap_or(false) {
            answer.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

async fn reads_to_its_end<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> bool {
    let mut room = LONGEST;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        match room.checked_sub(frame.data_ref().map_or(0, Buf::remaining)) {
            Some(left) => room = left,
            None => return false,
        }
    }
    true
}

impl<B: Body + Unpin> Body for Lent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        if frame.is_none() {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> Drop for Lent<B> {
    fn drop(&mut self) {
        if let (Some(back), Some(body)) = (&self.back, self.body.take()) {
            *back.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{Stream, StreamExt, stream};
    use http::HeaderName;
    use http_body_util::{Full, StreamBody};

    use super::*;

    /// What the answer says of its connection when a handler drops such a body.
    async fn said<B>(headers: &[(HeaderName, &'static str)], body: B) -> Option<HeaderValue>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let (body, unread) = lend(body, Version::HTTP_11, &headers);
        drop(body);
        let mut answer = HeaderMap::new();
        unread.finish(&mut answer).await;
        answer.remove(CONNECTION)
    }

    fn chunks(
        chunks: impl Stream<Item = Bytes> + Unpin,
    ) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        StreamBody::new(chunks.map(|it| Ok(Frame::data(it))))
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_rest_is_read_and_a_long_or_slow_one_announced() {
        let of = |length| Bytes::from(vec![b'a'; length]);
        assert_eq!(said(&[], Full::new(of(20_000))).await, None);
        assert_eq!(said(&[], Full::new(of(100_000))).await.unwrap(), "close");
        assert_eq!(said(&[(CONTENT_LENGTH, "100000")], Full::new(of(1))).await.unwrap(), "close");
        assert_eq!(said(&[(EXPECT, "100-continue")], Full::new(of(1))).await.unwrap(), "close");
        assert_eq!(said(&[], chunks(stream::iter([of(1), of(2)]))).await, None);
        assert_eq!(said(&[], chunks(stream::repeat(of(1000)))).await.unwrap(), "close");
        assert_eq!(said(&[], chunks(stream::pending())).await.unwrap(), "close");
    }

    #[tokio::test]
    async fn nothing_is_said_after_a_body_that_was_read_or_that_has_a_stream_of_its_own() {
        let mut answer = HeaderMap::new();
        let body = chunks(stream::iter([Bytes::from_static(b"a")]));
        let (mut body, unread) = lend(body, Version::HTTP_11, &answer);
        while body.frame().await.is_some() {}
        drop(body);
        unread.finish(&mut answer).await;
        let (body, unread) = lend(chunks(stream::pending()), Version::HTTP_2, &answer);
        drop(body);
        unread.finish(&mut answer).await;
        assert!(answer.is_empty());
    }
}
