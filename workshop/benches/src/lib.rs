//! What one request is made of, each part alone, in instructions: `benches/` has a file for each group of parts.
//!
//! ```text
//! cd workshop && cargo install --locked gungraun-runner@0.20.0 && cargo bench -p benches
//! ```
//!
//! Each bench runs once, in valgrind. Only the body of its function counts, and what it returns is dropped uncounted.
//! The kernel's work is not in the figures. The types are those of no sample flow, so that an ejection changes nothing.

use std::hint::black_box;
use std::sync::Arc;

use flow_edge::Schema;
use flow_edge::drain::Drain;
use flow_edge::edge::{Edge, EdgeConfig};
use futures_util::FutureExt as _;
use garde::Validate;
use mimalloc::MiMalloc;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How often a part runs before it is counted.
const WARM: usize = 20;

/// How many frames or chunks a bench of a stream takes. Its figure is that of all of them.
pub const CHUNKS: usize = 100;

/// A piece of a stream, as long as models send them.
pub const CHUNK: &str = "Particles blown out by the sun meet the thin air high above the poles. ";

/// The media type of a request's body.
pub const JSON: Option<&[u8]> = Some(b"application/json");

/// What a flow is asked.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct Input {
    /// The text.
    #[garde(length(chars, min = 1, max = 10000))]
    pub text: String,
    /// Its language.
    #[garde(length(chars, max = 100))]
    pub language: Option<String>,
    /// How many answers are wanted.
    #[garde(range(min = 1, max = 10))]
    pub count: u32,
}

/// What a flow answers.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct Output {
    /// The answer.
    #[garde(skip)]
    #[streamed]
    pub text: String,
    /// Whom it is for.
    #[garde(skip)]
    pub username: Option<String>,
}

impl Default for Input {
    fn default() -> Self {
        let paragraph = "On clear winter nights the \"Northern Lights\" drift over the Arctic like slow green fire.\n\
                         Particles blown out by the sun meet the thin air high above the poles, and every atom they \
                         strike gives back a little light. ";
        let text = paragraph.repeat(4);
        Self { text, language: Some("English".into()), count: 1 }
    }
}

impl Default for Output {
    fn default() -> Self {
        Self { text: CHUNK.repeat(4), username: Some("Ada".into()) }
    }
}

/// Runs a part until what is made once is made: tables, thread-locals, the allocator's pages, the log's decisions.
pub fn warm<T>(mut part: impl FnMut() -> T) {
    for _ in 0..WARM {
        black_box(part());
    }
}

/// Keeps a bench's state for ever, so that dropping it does not count.
pub fn keep<T>(state: T) -> &'static T {
    Box::leak(Box::new(state))
}

/// A runtime of one thread, which is the current one from here on, so that timers can be set.
///
/// # Panics
///
/// If there are no descriptors for it.
#[expect(clippy::expect_used, reason = "a bench that cannot begin ends")]
pub fn runtime() -> &'static Runtime {
    let runtime = keep(Builder::new_current_thread().enable_all().build().expect("a runtime"));
    std::mem::forget(runtime.enter());
    runtime
}

/// The output of a future that waits for nothing.
///
/// # Panics
///
/// If it waits.
#[expect(clippy::expect_used, reason = "a bench of something else would be wrong")]
pub fn at_once<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("it does not wait")
}

/// The edge with the program's settings.
///
/// # Panics
///
/// Never: the limit is well-formed.
pub fn edge(change: impl FnOnce(&mut EdgeConfig)) -> Arc<Edge> {
    let mut config = EdgeConfig { name: "genkit-endpoints".into(), ..EdgeConfig::default() };
    change(&mut config);
    Edge::new(config, Drain::default())
}
