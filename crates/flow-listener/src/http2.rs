//! HTTP/2's limits, the same wherever a listener can be told them.

use std::time::Duration;

/// What a connection begins with (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Requests at once on one connection. RFC 9113 §6.5.2 recommends no less than 100; each costs some kilobytes even if
/// its answer gets no room.
pub const MAX_STREAMS: u32 = 128;

/// Resets of requests that are not yet accepted (CVE-2023-44487).
pub const MAX_PENDING_RESETS: usize = 20;

/// The largest request head, in bytes.
pub const MAX_HEAD: u32 = 16 * 1024;

/// How often a peer is asked whether it is there, and how long it may take to say so.
pub const PING: Duration = Duration::from_secs(20);
