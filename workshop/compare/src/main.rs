//! Compare.
fn main() {}
