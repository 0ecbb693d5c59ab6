//! Floors.
fn main() {}
