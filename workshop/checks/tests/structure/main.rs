//! What the code of the template and of the workshop must not have: circles of modules, and words that belong elsewhere.
//! Reads the source; needs no program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test, which fails loudly where the source cannot be read"
)]

mod absences;
mod circles;
mod graph;
mod modules;
mod packages;
mod paths;
