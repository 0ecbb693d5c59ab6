//! Bytes to input, errors and streams to bytes: the same bytes whichever framework carries them.

pub(crate) mod accept;
pub mod answer;
mod body;
pub mod decode;
pub(crate) mod frame;
mod genkit;
pub(crate) mod problem;
pub mod pump;
pub mod sse;

pub use body::{Answer, Body};
pub use decode::read;
pub use genkit::{Envelope, FlowReply};
pub use sse::EventStream;
