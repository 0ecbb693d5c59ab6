//! The signals that end the server: SIGTERM from a platform, SIGINT from a person.

use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Signals as they come in.
pub struct Signals {
    received: mpsc::Receiver<()>,
    send: mpsc::Sender<()>,
    /// Owns the task that waits for the process's signals.
    waiting: JoinSet<()>,
}

impl Signals {
    /// The process's own signals. From here on they no longer kill it.
    pub fn of_process() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (signals, send) = Self::channel();
        let mut signals = signals;
        signals.waiting.spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if send.send(()).await.is_err() {
                    return;
                }
            }
        });
        Ok(signals)
    }

    /// Signals sent by hand, for servers inside a test.
    pub fn channel() -> (Self, mpsc::Sender<()>) {
        let (send, received) = mpsc::channel(2);
        (Self { received, send: send.clone(), waiting: JoinSet::new() }, send)
    }

    /// Another way to send one.
    pub fn sender(&self) -> mpsc::Sender<()> {
        self.send.clone()
    }

    /// The next signal.
    pub async fn next(&mut self) {
        // It has a sender of its own, so the channel does not close.
        let _ = self.received.recv().await;
    }
}
