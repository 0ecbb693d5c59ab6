//! What the client saw of each request, beside what the server's log says of the same one.
//!
//! Every request carries its number as its `x-request-id`, which the server writes into each of its log lines.
//! So the two are compared one by one: two errors that would cancel each other out in sums are found.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

/// What a request id begins with; its number follows.
const PREFIX: &str = "soak-";

/// How a request ended, as the client sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// Not yet.
    #[default]
    UnderWay,
    /// With a whole answer that was right for its kind.
    Answered { status: u16, stream: bool },
    /// We left, so long after we had begun. Whether the request had reached the server we cannot know, unless
    /// it had begun to stream. A remote procedure call is logged once, at its end, also when it streams.
    Left { what: Left, after_ms: u16, rpc: bool },
    /// With no answer or a wrong one; reported where it was seen.
    Failed,
}

/// What we left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// A call that waits for its model, long before that would have answered.
    Waiting,
    /// A call whose body we had not sent whole.
    Sending,
    /// A stream that had begun.
    Stream,
}

/// One line of the server's log, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
pub struct Line {
    #[serde(default)]
    pub level: String,
    #[serde(default)]
    pub message: String,
    pub address: Option<String>,
    pub status: Option<u16>,
    /// The same of a remote procedure call, whose codes are all below the statuses of HTTP.
    pub grpc_status: Option<u16>,
    pub duration_ms: Option<u64>,
    pub request_id: Option<String>,
}

/// What the log says of one request.
#[derive(Clone, Copy, Debug, Default)]
struct Logged {
    status: u16,
    /// How long the call lasted or, if it was one, its stream.
    lasted_ms: u16,
    ends: u8,
    streams_ended: u8,
    streams_left: u8,
}

/// The requests to one server.
#[derive(Debug, Default)]
pub struct Records(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    entries: Vec<(Seen, Logged)>,
    unknown: u64,
}

/// What the comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Requests sent.
    pub sent: u64,
    /// Requests answered rightly.
    pub answered: u64,
    /// Requests we left before an answer began.
    pub left_early: u64,
    /// What the log says of those that reached the server.
    pub left_logged: BTreeMap<u16, u64>,
    /// Requests we left in the middle of their stream.
    pub left_stream: u64,
    /// The longest that a call or a stream can be shown to have outlived the client that left it.
    pub outlived_ms: u16,
    /// Requests with no answer or a wrong one.
    pub failed: u64,
    /// Lines `answered` and `the client left` in the log.
    pub logged: u64,
    /// Requests we left before an answer of which the log says nothing: they never reached the server.
    pub unreached: u64,
    /// What does not add up: the request's number and why. The first few.
    pub mismatches: Vec<String>,
    /// How many do not add up.
    pub mismatched: u64,
    /// Log lines of requests that nobody sent.
    pub unknown: u64,
}

/// How gRPC logs a client that left.
const CANCELLED: u16 = 1;

/// How many mismatches are described; the rest is counted.
const DESCRIBED: usize = 10;

impl Records {
    /// Adds a request that is about to be sent, and gives it its number.
    pub fn add(&self) -> usize {
        let mut table = self.table();
        table.entries.push(Default::default());
        table.entries.len() - 1
    }

    /// Writes down how it ended.
    pub fn end(&self, number: usize, seen: Seen) {
        if let Some(entry) = self.table().entries.get_mut(number) {
            entry.0 = seen;
        }
    }

    /// How many requests were sent.
    pub fn sent(&self) -> u64 {
        self.table().entries.len() as u64
    }

    /// Writes down a line of the log. Lines that end nothing do not matter.
    pub fn log(&self, line: &Line) {
        let message = line.message.as_str();
        if !["answered", "the client left", "the stream ended", "the client left its stream"]
            .contains(&message)
        {
            return;
        }
        let mut table = self.table();
        let number = line.request_id.as_deref().and_then(number);
        let Some((_, logged)) = number.and_then(|it| table.entries.get_mut(it)) else {
            table.unknown += 1;
            return;
        };
        logged.lasted_ms = u16::try_from(line.duration_ms.unwrap_or_default()).unwrap_or(u16::MAX);
        let count = match message {
            "the stream ended" => &mut logged.streams_ended,
            "the client left its stream" => &mut logged.streams_left,
            _ => {
                logged.status = line.status.or(line.grpc_status).unwrap_or_default();
                &mut logged.ends
            }
        };
        *count = count.saturating_add(1);
    }

    /// Compares both sides, once both are whole.
    pub fn compare(&self) -> Comparison {
        let table = self.table();
        let mut comparison =
            Comparison { sent: table.entries.len() as u64, unknown: table.unknown, ..Comparison::default() };
        for (number, (seen, logged)) in table.entries.iter().enumerate() {
            comparison.logged += u64::from(logged.ends);
            match seen {
                Seen::Answered { .. } => comparison.answered += 1,
                Seen::Left { what: Left::Stream, .. } => comparison.left_stream += 1,
                Seen::Left { .. } => comparison.left_early += 1,
                Seen::Failed | Seen::UnderWay => comparison.failed += 1,
            }
            if let Seen::Left { what, after_ms, .. } = seen {
                match (what, logged.ends) {
                    (Left::Stream, _) => {}
                    (_, 0) => comparison.unreached += 1,
                    _ => *comparison.left_logged.entry(logged.status).or_default() += 1,
                }
                // The server's clock starts later than ours, so that it can only have been longer.
                comparison.outlived_ms =
                    comparison.outlived_ms.max(logged.lasted_ms.saturating_sub(*after_ms));
            }
            if let Err(why) = agree(*seen, *logged) {
                comparison.mismatched += 1;
                if comparison.mismatches.len() < DESCRIBED {
                    comparison.mismatches.push(format!("{PREFIX}{number}: {why}"));
                }
            }
        }
        comparison
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // It holds plain numbers, which a panic elsewhere leaves whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The `x-request-id` of a request.
pub fn request_id(number: usize) -> String {
    format!("{PREFIX}{number}")
}

fn number(id: &str) -> Option<usize> {
    id.strip_prefix(PREFIX)?.parse().ok()
}

/// Whether the log tells of a request what its client saw.
fn agree(seen: Seen, logged: Logged) -> Result<(), String> {
    let began = match seen {
        Seen::UnderWay => return Err("it never ended".into()),
        // It failed already; what the log says can only explain why.
        Seen::Failed => return Ok(()),
        Seen::Answered { stream, .. } => stream,
        Seen::Left { what, rpc, .. } => what == Left::Stream && !rpc,
    };
    let expected: &[u16] = match seen {
        Seen::Answered { status, .. } => &[status],
        Seen::Left { rpc: true, .. } => &[CANCELLED],
        Seen::Left { what: Left::Stream, .. } => &[200],
        // A body that broke off is answered with 400, which nobody reads.
        Seen::Left { what: Left::Sending, .. } => &[499, 400],
        _ => &[499],
    };
    let may_miss = matches!(seen, Seen::Left { what: Left::Waiting | Left::Sending, .. });
    match logged.ends {
        0 if may_miss => {}
        1 if expected.contains(&logged.status) => {}
        1 => return Err(format!("{} is logged where {expected:?} was expected", logged.status)),
        n => return Err(format!("{n} lines say that it ended ({seen:?})")),
    }
    match logged.streams_ended + logged.streams_left {
        n if n != u8::from(began) => Err(format!("{n} lines say that its stream ended ({seen:?})")),
        1 if logged.streams_left == 1 && matches!(seen, Seen::Answered { .. }) => {
            Err("its stream was read to the end, but is logged as left".into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str, number: usize, status: u16) -> Line {
        Line {
            message: message.into(),
            request_id: Some(request_id(number)),
            status: Some(status),
            ..Line::default()
        }
    }

    fn comparison(seen: Seen, lines: &[(&str, u16)]) -> Comparison {
        let records = Records::default();
        let number = records.add();
        records.end(number, seen);
        for (message, status) in lines {
            records.log(&line(message, number, *status));
        }
        records.compare()
    }

    fn adds_up(seen: Seen, lines: &[(&str, u16)]) -> bool {
        comparison(seen, lines).mismatched == 0
    }

    #[test]
    fn an_answer_is_logged_once_with_its_status() {
        let seen = Seen::Answered { status: 404, stream: false };
        assert!(adds_up(seen, &[("failed", 0), ("answered", 404)]));
        assert!(!adds_up(seen, &[]));
        assert!(!adds_up(seen, &[("answered", 200)]));
        assert!(!adds_up(seen, &[("answered", 404), ("answered", 404)]));
        assert!(!adds_up(seen, &[("answered", 404), ("the stream ended", 0)]));
    }

    #[test]
    fn a_stream_that_was_read_has_both_its_ends_logged() {
        let seen = Seen::Answered { status: 200, stream: true };
        assert!(adds_up(seen, &[("answered", 200), ("the stream ended", 0)]));
        assert!(!adds_up(seen, &[("answered", 200)]));
        assert!(!adds_up(seen, &[("answered", 200), ("the client left its stream", 0)]));
    }

    fn left(what: Left) -> Seen {
        Seen::Left { what, after_ms: 100, rpc: false }
    }

    #[test]
    fn a_stream_that_was_left_may_have_been_made_already() {
        let seen = left(Left::Stream);
        assert!(adds_up(seen, &[("answered", 200), ("the client left its stream", 0)]));
        assert!(adds_up(seen, &[("answered", 200), ("the stream ended", 0)]));
        assert!(!adds_up(seen, &[("answered", 200)]));
        assert!(!adds_up(seen, &[]));
    }

    #[test]
    fn a_request_left_early_is_logged_once_as_left_or_counted_as_unreached() {
        let seen = left(Left::Waiting);
        let noticed = comparison(seen, &[("the client left", 499)]);
        assert_eq!((noticed.unreached, noticed.mismatched), (0, 0));
        assert!(!adds_up(seen, &[("answered", 504)]), "the server did not notice");
        assert!(!adds_up(seen, &[("the client left", 499), ("answered", 504)]));
        assert!(adds_up(left(Left::Sending), &[("answered", 400)]));
        let missing = comparison(seen, &[]);
        assert_eq!((missing.unreached, missing.mismatched), (1, 0));
    }

    #[test]
    fn a_remote_procedure_call_is_logged_once_also_when_it_streams() {
        let seen = |what| Seen::Left { what, after_ms: 100, rpc: true };
        for what in [Left::Waiting, Left::Stream] {
            assert!(adds_up(seen(what), &[("the client left", CANCELLED)]));
            assert!(!adds_up(seen(what), &[("answered", 0)]));
            assert!(!adds_up(seen(what), &[("the client left", 499)]));
        }
        assert!(!adds_up(seen(Left::Stream), &[]));
    }

    #[test]
    fn how_long_a_call_outlived_its_client_is_what_the_log_says_beyond_our_own_time() {
        let records = Records::default();
        for after_ms in [100, 300] {
            let number = records.add();
            records.end(number, Seen::Left { what: Left::Waiting, after_ms, rpc: false });
            records.log(&Line { duration_ms: Some(350), ..line("the client left", number, 499) });
        }
        assert_eq!(records.compare().outlived_ms, 250);
    }

    #[test]
    fn a_request_that_never_ended_and_a_line_of_an_unknown_request_are_found() {
        assert_eq!(comparison(Seen::UnderWay, &[("answered", 200)]).mismatched, 1);
        let records = Records::default();
        records.log(&line("answered", 7, 200));
        records.log(&Line { message: "answered".into(), ..Line::default() });
        assert_eq!(records.compare().unknown, 2);
    }
}
