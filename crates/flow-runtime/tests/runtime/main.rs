//! The runtime from outside: with models that do what a test tells them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod actor;
mod cache;
mod circuit;
mod generate;
mod join;
mod prompts;
mod retry;
mod scripted;
mod sessions;
mod shared;
mod tools;
mod traces;
