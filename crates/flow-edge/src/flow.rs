//! What a flow answers with, and what a table of flows says of it.
//!
//! What a stream consists of, from the model to the client:
//!
//! | The model gives (`flow-runtime`) | The flow gives ([`StreamEvent`]) | The client gets a frame | under `/flows/` |
//! |---|---|---|---|
//! | `ModelEvent::Text` | [`StreamEvent::Chunk`] | `{"chunk": …}` | `{"message": …}` |
//! | `ModelEvent::Done` | [`StreamEvent::Done`] | `{"done": true, …}` | `{"result": …}` |
//! | an error | an error | `{"error": …}` | `{"error": …}` |

use std::pin::Pin;

use futures_util::Stream;

use crate::error::FlowError;
use crate::schema::TypeInfo;

/// A streamed answer: chunks of text, then the typed result, then nothing.
///
/// Dropping it drops the work behind it, the model call included.
pub type FlowStream<T> = Pin<Box<dyn Stream<Item = Result<StreamEvent<T>, FlowError>> + Send>>;

/// One event of a [`FlowStream`].
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent<T> {
    /// More text.
    Chunk(String),
    /// The end: the typed result.
    Done(T),
}

/// A flow, as its row in the table says. `#[flows]` makes the table.
#[derive(Clone, Copy, Debug)]
pub struct FlowInfo {
    /// Its name: that of the trait's method.
    pub name: &'static str,
    /// Its operation that answers at once, if it has one.
    pub unary: Option<OperationInfo>,
    /// Its operation that streams, if it has one.
    pub streamed: Option<OperationInfo>,
    /// The member of a stream's last frame that repeats the whole text; empty where nothing streams.
    pub streamed_member: &'static str,
    /// Whether equal inputs may get the same answer.
    pub cached: bool,
    /// What goes in.
    pub input: TypeInfo,
    /// What comes out.
    pub output: TypeInfo,
}

/// One route of a flow.
#[derive(Clone, Copy, Debug)]
pub struct OperationInfo {
    /// The path, called by POST.
    pub route: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
}

/// Whether flows can answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// All checks passed.
    pub ready: bool,
    /// What was checked, and the result.
    pub checks: Vec<(&'static str, String)>,
}

/// Flows that can say whether they can answer.
pub trait Ready: Send + Sync + 'static {
    /// Whether the flows can answer, and why not. Each readiness probe calls it, so it must be quick.
    fn readiness(&self) -> Readiness;
}

impl FlowInfo {
    /// What it does, in one sentence: the summary of its operation, of the one that answers at once if it has two.
    pub fn summary(&self) -> &'static str {
        self.unary.or(self.streamed).map_or("", |it| it.summary)
    }
}

impl OperationInfo {
    /// The name of the operation in OpenAPI: its route in words.
    pub fn id(&self) -> String {
        self.route.trim_start_matches('/').replace(['/', '-'], "_")
    }
}
