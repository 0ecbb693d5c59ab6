//! What a flow answers with, and what a table of flows says of it.
//!
//! What a stream consists of, from the model to the client:
//!
//! | The model gives (`flow-runtime`) | The flow gives ([`StreamEvent`]) | The client gets a frame | under `/flows/` |
//! |---|---|---|---|
//! | `ModelEvent::Text` | [`StreamEvent::Chunk`] of text | `{"chunk": …}` | `{"message": …}` |
//! | `OutputEvent::Partial` | [`StreamEvent::Chunk`] of a [`Partial`] | `{"partial": …}` | `{"message": …}` |
//! | `ModelEvent::Done`, `OutputEvent::Done` | [`StreamEvent::Done`] | `{"done": true, …}` | `{"result": …}` |
//! | an error | an error | `{"error": …}` | `{"error": …}` |

use std::pin::Pin;

use futures_util::Stream;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::error::FlowError;
use crate::schema::{Schema, Streamed, TypeInfo};

/// A streamed answer: chunks, then the typed result, then nothing.
///
/// A chunk is more text, or a [`Partial`]: `FlowStream<T, Partial>`. Dropping the stream drops the work behind it, the
/// model call included.
pub type FlowStream<T, C = String> = Pin<Box<dyn Stream<Item = Result<StreamEvent<T, C>, FlowError>> + Send>>;

/// One event of a [`FlowStream`].
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent<T, C = String> {
    /// More of it.
    Chunk(C),
    /// The end: the typed result.
    Done(T),
}

/// All that is known of a result so far. Each replaces the one before.
///
/// Members that are not known yet are absent, and the last text may go on, so it need not satisfy the result's schema.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Partial(pub Value);

/// What a stream that ends with a `T` consists of: text, or a [`Partial`].
pub trait Chunk<T>: Serialize + Clone + Send + Sync + 'static {
    /// The form of such a stream.
    const FORM: StreamForm;

    /// What the last frame of a REST route says beside `done`: an object.
    fn end(result: &T) -> impl Serialize;
}

/// The form of a REST route's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamForm {
    /// `{"chunk": <text>}`. The last frame repeats the whole text in this member.
    Text {
        /// The member's name.
        member: &'static str,
    },
    /// `{"partial": <object>}`. The last frame has all members of the result.
    Partial,
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
    /// The form of its stream, if it streams.
    pub form: Option<StreamForm>,
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

impl StreamForm {
    /// The member that a chunk's frame has.
    pub const fn chunk(self) -> &'static str {
        match self {
            Self::Text { .. } => "chunk",
            Self::Partial => "partial",
        }
    }
}

impl<T: Streamed> Chunk<T> for String {
    const FORM: StreamForm = StreamForm::Text { member: T::MEMBER };

    fn end(result: &T) -> impl Serialize {
        Member(T::MEMBER, result.text())
    }
}

impl<T: Schema> Chunk<T> for Partial {
    const FORM: StreamForm = StreamForm::Partial;

    fn end(result: &T) -> impl Serialize {
        result
    }
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

/// An object with one member.
pub(crate) struct Member<T>(pub(crate) &'static str, pub(crate) T);

impl<T: Serialize> Serialize for Member<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, &self.1)?;
        map.end()
    }
}
