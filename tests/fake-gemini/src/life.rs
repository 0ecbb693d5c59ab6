//! How a request ends, and the clock that it is waited for by.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

/// How a request ended, counted from the arrival of its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The whole reply went out, or the script's own cut was made.
    Finished(Duration),
    /// The client left before that.
    Dropped(Duration),
}

/// The end of one request, for all who wait for it.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) ended: watch::Receiver<Option<Ended>>,
    pub(crate) clock: Clock,
}

impl Life {
    pub(crate) fn ended(&self) -> Option<Ended> {
        *self.ended.borrow()
    }

    pub(crate) async fn wait(&self, timeout: Duration) -> Option<Ended> {
        let mut ended = self.ended.clone();
        self.clock.within(timeout, ended.wait_for(Option::is_some)).await?.ok().and_then(|end| *end)
    }
}

/// The server's clock. It runs on the server's runtime, so a test that paused its own time can still wait
/// here for something real.
#[derive(Clone, Debug)]
pub(crate) struct Clock(pub(crate) Handle);

impl Clock {
    pub(crate) async fn within<F: Future>(&self, timeout: Duration, event: F) -> Option<F::Output> {
        // Made inside the task: a sleep takes the clock of the runtime it is made on.
        let mut timer = self.0.spawn(async move { tokio::time::sleep(timeout).await });
        tokio::select! {
            biased;
            output = event => {
                timer.abort();
                Some(output)
            }
            _ = &mut timer => None,
        }
    }
}
