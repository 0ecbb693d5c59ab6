#![doc = include_str!("../README.md")]
//!
//! # Why this crate exists
//!
//! The generators that exist (`rand_regex`, `regex_generate`, `fake`) make random texts, know no schema, or need a
//! derive on a Rust type. Here one document must always give the same example, and the texts come from the caller.

mod fill;
mod flatten;
mod number;
mod pattern;

use serde_json::Value;

/// An example that satisfies `schema`, with texts that name the property they stand in.
pub fn example(schema: &Value) -> Value {
    example_with(schema, &sample)
}

/// An example that satisfies `schema`, with texts by the caller.
///
/// `words` gets the property's name, and an index that tells the items of an array apart. What it returns is cut,
/// lengthened or spelled with other letters where the schema demands it. A pattern may leave letters only, so that
/// texts for items which must be unique should differ in their letters.
pub fn example_with(schema: &Value, words: &dyn Fn(&str, usize) -> String) -> Value {
    fill::Filler::new(schema, words).example()
}

/// An example that satisfies `schema`, of its `default` values where it has them; what is null by default is left out.
/// The other texts are those of [`example`].
pub fn example_from_defaults(schema: &Value) -> Value {
    fill::Filler::new(schema, &sample).with_defaults().example()
}

fn sample(property: &str, index: usize) -> String {
    match index {
        0 => format!("A sample {}", property.replace('_', " ")),
        _ => format!("{index} more of {}", property.replace('_', " ")),
    }
}
