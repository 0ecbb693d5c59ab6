//! A scriptable Gemini on loopback, speaking the true wire format, for tests.
//!
//! The format is the one of Google's REST reference: requests and replies as in
//! <https://ai.google.dev/api/generate-content>, thought signatures as in
//! <https://ai.google.dev/gemini-api/docs/thought-signatures>, errors as `google.rpc.Status`
//! (<https://cloud.google.com/apis/design/errors>).
//!
//! ```no_run
//! # async fn test() {
//! use std::time::Duration;
//! use fake_gemini::{FakeGemini, Fault, Matcher, Reply};
//!
//! let fake = FakeGemini::start().await; // answers anything sensibly, even with no script
//! fake.script([Fault::unavailable().into(), Reply::chunks(["Once ", "upon"]).silent_after(1)]);
//! fake.on(Matcher::prompt("a cat"), Reply::text("Meow.").chunk_delay(Duration::from_millis(20)));
//!
//! // … point the client at `fake.url()`; its first call fails, its retry hears one chunk and gives up. Then:
//! assert!(fake.request(1).prompt().contains("a fable"));
//! assert!(fake.request(1).wait_dropped(Duration::from_secs(1)).await.is_some());
//! # }
//! ```
//!
//! The server runs on a thread and a clock of its own: a test that blocks, or that pauses tokio's time,
//! neither stalls it nor hastens it. Dropping [`FakeGemini`] ends that thread before it returns.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test double fails loudly"
)]

mod answer;
mod builder;
mod fake;
mod faults;
mod life;
mod part;
mod record;
mod render;
mod reply;
mod request;
mod schedule;
mod script;
mod server;
mod validate;

pub use builder::Builder;
pub use fake::FakeGemini;
pub use faults::{Fault, UPSTREAM_BODY_MARKER};
pub use life::Ended;
pub use part::{Finish, Gate, Part, SIGNATURE, Usage};
pub use record::Stats;
pub use reply::Reply;
pub use request::{Call, Request};
pub use schedule::FaultSchedule;
pub use script::Matcher;
