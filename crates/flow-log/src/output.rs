//! The log's way to standard output, which may block for as long as nobody reads it.
//!
//! Only a thread of the log's own writes. Requests put lines into a queue and never wait: when it is full, lines are
//! lost, and a warning says how many as soon as standard output takes lines again.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use tracing::{Dispatch, dispatcher};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// How many lines may wait: half a second of a busy server, in a megabyte or two.
const QUEUE: usize = 4096;
/// How long the end of the process waits for the lines in the queue.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Keeps the log alive; dropped, it lets the last lines be written.
#[must_use = "dropping it ends the log"]
#[derive(Debug)]
pub struct Guard {
    worker: Option<WorkerGuard>,
    lost: Arc<Lost>,
}

/// A writer that never blocks, in front of standard output.
///
/// The log's thread tells through `direct`, which writes to standard output itself, since the queue may be full.
pub fn non_blocking(direct: Dispatch) -> (NonBlocking, Guard) {
    let lost = Arc::<Lost>::default();
    let output = Output { stdout: BufWriter::new(io::stdout()), direct, lost: lost.clone(), unwritten: 0 };
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE).thread_name("log");
    let (writer, worker) = builder.finish(output);
    lost.counter.get_or_init(|| writer.error_counter());
    (writer, Guard { worker: Some(worker), lost })
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (worker, lost) = (self.worker.take(), self.lost.clone());
        let (written, is_written) = mpsc::channel();
        // Dropping the worker's guard may block for good: while the queue is full it prints to standard output.
        let waiting = thread::Builder::new().name("log-end".to_owned()).spawn(move || {
            while lost.dropped() > lost.told.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(10));
            }
            drop(worker);
            let _ = written.send(());
        });
        if waiting.is_ok() {
            let _ = is_written.recv_timeout(LAST_LINES);
        }
    }
}

/// How many lines found the queue full, and of how many of them the log has told.
#[derive(Debug, Default)]
struct Lost {
    counter: OnceLock<ErrorCounter>,
    told: AtomicUsize,
}

impl Lost {
    fn dropped(&self) -> usize {
        self.counter.get().map_or(0, ErrorCounter::dropped_lines)
    }
}

/// Standard output. The log's thread flushes it whenever the queue is empty, so a busy log is written in batches.
struct Output {
    stdout: BufWriter<Stdout>,
    direct: Dispatch,
    lost: Arc<Lost>,
    /// Lines that standard output refused, a full disk for one, since the log last told.
    unwritten: usize,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdout.write(bytes)
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        self.stdout.write_all(line).inspect_err(|_| self.unwritten += 1)
    }

    /// Never fails: the log's thread would take a failure for a reason not to end.
    fn flush(&mut self) -> io::Result<()> {
        if self.stdout.flush().is_ok() {
            let dropped = self.lost.dropped();
            let lines = dropped - self.lost.told.swap(dropped, Ordering::Relaxed) + self.unwritten;
            self.unwritten = 0;
            if lines > 0 {
                metrics::counter!(flow_metrics::LOG_LOST.name).increment(lines as u64);
                dispatcher::with_default(&self.direct, || tracing::warn!(lines, "log lines were lost"));
            }
        }
        Ok(())
    }
}
