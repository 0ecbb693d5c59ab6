//! The loop around a model call: tools run, answers checked, both bounded.
//!
//! [`Generate`] describes the request; [`Runtime`](crate::Runtime) runs it.

pub(crate) mod conversation;
mod request;
pub(crate) mod resume;
pub(crate) mod streamed;
pub(crate) mod structured;

pub use request::{DEFAULT_MAX_TURNS, Generate};
