//! What `proto/genkit_sample.proto` says, as Rust types: messages, and a client to call with.

#![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "generated")]

tonic::include_proto!("genkit.sample.v1");

/// The descriptors of all this, as reflection tells them.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");
