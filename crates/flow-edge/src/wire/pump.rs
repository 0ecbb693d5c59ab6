//! A stream that goes on while its client does not read, but not for long.
//!
//! A body is polled only when its client takes bytes. A client that stops reading would stop every deadline
//! of the flow behind it and hold the flow's model call for as long as it keeps its connection. So the flow
//! runs in a task of its own, some chunks ahead of its reader at most.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::error::{ErrorKind, FlowError};
use crate::limits::READ_TIMEOUT;

/// How many items a flow may be ahead of its reader.
const AHEAD: usize = 16;

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
        let mut stream = std::pin::pin!(stream);
        while let Some(item) = stream.next().await {
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
    };
    let task = AbortOnDropHandle::new(tokio::spawn(task.in_current_span()));
    Pumped { items, stalled, _task: task }
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
