//! The log's way to standard output, which may block for as long as nobody reads it.
//!
//! Only a thread of the log's own writes. Requests put lines into a queue and never wait: when it is full, lines are
//! lost, and a warning says how many as soon as standard output takes lines again. `tracing-appender` does as much, but
//! its end waits for standard output without a limit and prints to it.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::fmt::MakeWriter;

/// How many lines may wait: half a second of a busy server, in a megabyte or two.
const QUEUE: usize = 4096;
/// How long the log's thread rests after it has written: a busy log then wakes it a thousand times a second, and not for
/// each line, which would cost a request more than its line does.
const REST: Duration = Duration::from_millis(1);
/// How long the end of the process waits for the lines in the queue.
const LAST_LINES: Duration = Duration::from_millis(500);

/// A writer that never blocks, in front of standard output.
///
/// The log's thread tells through `direct`, which writes to standard output itself, since the queue may be full.
pub fn non_blocking(direct: Dispatch) -> io::Result<(Queue, Guard)> {
    let (to, from) = bounded(QUEUE);
    let lost = Arc::<AtomicUsize>::default();
    let mut output = Output { stdout: BufWriter::new(io::stdout()), direct, lost: lost.clone() };
    thread::Builder::new().name("log".to_owned()).spawn(move || output.write_all(&from))?;
    Ok((Queue { lines: to.clone(), lost }, Guard(to)))
}

/// Where lines are put; each is written with one call.
#[derive(Clone, Debug)]
pub struct Queue {
    lines: Sender<Message>,
    /// How many found the queue full.
    lost: Arc<AtomicUsize>,
}

impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Message::Line(line.into())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Queue {
    type Writer = &'w Self;

    fn make_writer(&'w self) -> &'w Self {
        self
    }
}

/// Keeps the log alive; dropped, it lets the last lines be written, for at most half a second.
#[must_use = "dropping it ends the log"]
#[derive(Debug)]
pub struct Guard(Sender<Message>);

impl Drop for Guard {
    fn drop(&mut self) {
        let (until, (written, is_written)) = (Instant::now() + LAST_LINES, bounded(1));
        if self.0.send_deadline(Message::End(written), until).is_ok() {
            let _ = is_written.recv_deadline(until);
        }
    }
}

/// What the log's thread is sent.
#[derive(Debug)]
enum Message {
    Line(Box<[u8]>),
    /// There are no more lines; who sends it is told when those before are written.
    End(Sender<()>),
}

/// Standard output, for the log's thread alone.
struct Output {
    stdout: BufWriter<Stdout>,
    direct: Dispatch,
    /// How many lines were lost since the log last told: they found the queue full, or standard output refused them, a full
    /// disk for one.
    lost: Arc<AtomicUsize>,
}

impl Output {
    /// Writes until there are no more lines. It flushes whenever the queue is empty and rests then, so a busy log is
    /// written in batches.
    fn write_all(&mut self, queue: &Receiver<Message>) {
        while let Ok(first) = queue.recv() {
            for message in [first].into_iter().chain(queue.try_iter()) {
                match message {
                    Message::Line(line) => self.write(&line),
                    Message::End(written) => {
                        self.flush();
                        let _ = written.send(());
                        return;
                    }
                }
            }
            self.flush();
            thread::sleep(REST);
        }
    }

    fn write(&mut self, line: &[u8]) {
        if self.stdout.write_all(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&mut self) {
        if self.stdout.flush().is_err() {
            return;
        }
        let lines = self.lost.swap(0, Ordering::Relaxed);
        if lines > 0 {
            metrics::counter!(flow_metrics::LOG_LOST.name).increment(lines as u64);
            dispatcher::with_default(&self.direct, || tracing::warn!(lines, "log lines were lost"));
        }
    }
}
