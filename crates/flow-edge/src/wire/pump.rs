//! A stream that goes on while its client does not read, but not for long.
//!
//! A body is polled only when its client takes bytes. A client that stops reading would stop every deadline
//! of the flow behind it and hold the flow's model call for as long as it keeps its connection. So the flow
//! runs in a task of its own, some chunks ahead of its reader at most. Chunks that come together leave together, so that
//! a connection writes them with one call of the system.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::error::{ErrorKind, FlowError};
use crate::limits::READ_TIMEOUT;

/// How many items may wait for their reader. The flow may have made as many more, which leave together.
const AHEAD: usize = 16;

/// Items that follow each other sooner are looked for before the first of them leaves. A model writes slower than that;
/// what it wrote before its connection was read comes sooner.
const TOGETHER: Duration = Duration::from_millis(1);

/// A flow's stream, run by a task that ends with it.
pub struct Pumped<T> {
    items: mpsc::Receiver<Result<T, FlowError>>,
    stalled: Arc<AtomicBool>,
    _task: AbortOnDropHandle<()>,
}

/// Runs a stream in a task of its own. Dropping what it returns drops the stream.
pub fn pump<T, S>(stream: S) -> Pumped<T>
where
    T: Send + 'static,
    S: Stream<Item = Result<T, FlowError>> + Send + 'static,
{
    let (sender, items) = mpsc::channel(AHEAD);
    let stalled = Arc::new(AtomicBool::new(false));
    let flag = stalled.clone();
    let task = async move {
        let mut stream = std::pin::pin!(stream.fuse());
        let mut last: Option<Instant> = None;
        while let Some(item) = stream.next().await {
            let is_close = last.is_some_and(|it| it.elapsed() < TOGETHER);
            let mut together = vec![item];
            while is_close
                && together.len() < AHEAD
                && let Some(item) = soon(&mut stream).await
            {
                together.push(item);
            }
            for item in together {
                // While the reader keeps up, no timer is needed.
                let is_over = match sender.try_send(item) {
                    Ok(()) => continue,
                    Err(TrySendError::Full(item)) => sender.send_timeout(item, READ_TIMEOUT).await.is_err(),
                    Err(TrySendError::Closed(_)) => true,
                };
                if is_over {
                    flag.store(true, Ordering::Relaxed);
                    return;
                }
            }
            last = Some(Instant::now());
        }
    };
    let task = AbortOnDropHandle::new(tokio::spawn(task.in_current_span()));
    Pumped { items, stalled, _task: task }
}

/// The next item, if it is there once each task that is ready has had a turn; none at the end, too.
///
/// A model's connection that has read many chunks at once still hands over one a turn.
async fn soon<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    let mut had_turn = false;
    poll_fn(|cx| match stream.poll_next_unpin(cx) {
        Poll::Pending if !had_turn => {
            had_turn = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(None),
        Poll::Ready(item) => Poll::Ready(item),
    })
    .await
}

impl<T> Stream for Pumped<T> {
    type Item = Result<T, FlowError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.poll_recv(cx).map(|item| {
            item.or_else(|| {
                // Reported once, after the buffered items.
                let stalled = self.stalled.swap(false, Ordering::Relaxed);
                let detail = "The client did not read its stream in time.";
                stalled.then(|| Err(FlowError::new(ErrorKind::DeadlineExceeded, detail)))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_loses_the_flow_but_not_what_was_made() {
        let alive = Arc::new(());
        let held = alive.clone();
        let endless = futures_util::stream::repeat_with(move || Ok::<_, FlowError>(held.clone()));
        let pumped = pump(endless);
        tokio::time::sleep(READ_TIMEOUT + Duration::from_secs(1)).await;
        assert_eq!(Arc::strong_count(&alive), 1 + AHEAD, "only what was made holds it, and not the flow");
        let items: Vec<_> = pumped.collect().await;
        assert_eq!(items.iter().filter(|it| it.is_ok()).count(), AHEAD);
        assert_eq!(items.last().unwrap().as_ref().unwrap_err().kind, ErrorKind::DeadlineExceeded);
    }

    #[tokio::test]
    async fn chunks_that_come_one_a_turn_leave_together() {
        // As a model's connection does: the next chunk only after somebody else had a turn.
        let (sender, receiver) = mpsc::channel(1);
        let sending = tokio::spawn(async move {
            for nth in 0..5 {
                sender.send(Ok(nth)).await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        let chunks =
            futures_util::stream::unfold(receiver, |mut it| async move { Some((it.recv().await?, it)) });
        let mut pumped = pump(chunks);
        for nth in 0..2 {
            assert_eq!(pumped.next().await.unwrap().unwrap(), nth);
        }
        let others: Vec<_> =
            std::iter::from_fn(|| pumped.next().now_or_never()?).map(Result::unwrap).collect();
        assert_eq!(others, [2, 3, 4]);
        sending.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_leaves_takes_the_flow_with_it() {
        let alive = Arc::new(());
        let held = alive.clone();
        let silent = futures_util::stream::once(async move {
            std::future::pending::<()>().await;
            Ok::<_, FlowError>(held)
        });
        let pumped = pump(silent);
        tokio::task::yield_now().await;
        drop(pumped);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
