//! Bytes to input, errors and streams to bytes: the same bytes whichever framework carries them.

pub mod decode;
mod frame;
pub mod genkit;
pub mod pump;
pub mod reply;
pub mod sse;

pub use decode::{collect, decode};
pub use reply::Reply;
pub use sse::EventStream;
