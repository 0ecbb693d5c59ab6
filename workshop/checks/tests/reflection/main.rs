//! The real program and Genkit's developer tools, in both versions of their protocol. What the tools trip over is in
//! `tools.rs` and in the assertions; `scripts/check_genkit.py` runs the tools themselves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod tools;
mod v1;
mod v2;
mod world;
