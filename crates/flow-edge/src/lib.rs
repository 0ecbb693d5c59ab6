#![doc = include_str!("../README.md")]

// The macros name this crate, and its own tests use them.
#[cfg(test)]
extern crate self as flow_edge;

pub mod app;
pub mod context;
pub mod docs;
pub mod drain;
pub mod edge;
pub mod error;
pub mod flow;
pub mod limits;
pub mod openapi;
mod request_id;
pub mod schema;
pub mod wire;

pub use app::{App, NamedFlows};
pub use context::{RequestContext, Tenant};
pub use edge::{Edge, EdgeConfig, Head};
pub use error::{ErrorKind, FlowError, Violation};
pub use flow::{
    Chunk, FlowInfo, FlowStream, OperationInfo, Partial, Readiness, Ready, StreamEvent, StreamForm,
};
pub use flow_macros::{Schema, flows};
pub use schema::{Schema, Streamed, TypeInfo};
pub use wire::{Answer, Body, Envelope, EventStream, FlowReply};

/// What the macros' output names. Not for anyone else.
#[doc(hidden)]
pub mod __private {
    pub use async_trait::async_trait;
    pub use jsonschema::Validator;
    pub use serde_json::Value;
    pub use utoipa;

    pub use crate::schema::{compile, describe, utoipa_schema};
}
