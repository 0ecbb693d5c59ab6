//! What rewritten templates hold beside their author's text: names, marks, and the bound on their depth.
//!
//! A template that spells one of the helpers' names is refused, like one that calls an unknown helper.

/// The helper that prints a value.
pub(crate) const PRINT: &str = "dotprompt:print";

/// The helper for `{{#name}}…{{/name}}`.
pub(crate) const SECTION: &str = "dotprompt:block";

/// The helper around each partial.
pub(crate) const PARTIAL: &str = "dotprompt:partial";

/// The member of the data's root that holds the caller's input.
pub(crate) const INPUT: &str = "input";

/// The member of the data's root that holds the `@`-variables.
pub(crate) const DATA: &str = "data";

/// Stands around literal text. It is a Unicode noncharacter, free for internal use, and `template` takes it out of
/// all data.
pub(crate) const GUARD: char = '\u{fdd0}';

/// How deep blocks may nest, in each other and through partials, of which each counts for two.
///
/// The crate parses and renders blocks by recursion, so that deeper ones could overflow the stack of a thread.
pub(crate) const MAX_DEPTH: usize = 64;

/// The error for a template that nests deeper.
pub(crate) fn too_deep() -> String {
    format!("nests blocks more than {MAX_DEPTH} deep, where each partial counts for two")
}
