//! The loop around a model call: tools run, answers checked, both bounded.
//!
//! [`Generate`] describes the request; [`Runtime`](crate::Runtime) runs it.

pub(crate) mod conversation;
pub mod event;
pub(crate) mod once;
mod partial;
mod request;
pub(crate) mod resume;
pub(crate) mod stream_as;
pub(crate) mod streamed;
pub(crate) mod structured;

pub use request::{DEFAULT_MAX_TURNS, Generate};
