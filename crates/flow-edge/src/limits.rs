//! Limits that more than one part keeps.

use std::time::Duration;

/// How long a client may leave unread what is sent to it. A flow's stream ends after that
/// ([`pump`](crate::wire::pump)), and so does a connection on the listeners of `flow-listener`.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
