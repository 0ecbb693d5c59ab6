//! What a model must fill.

use flow_edge::Schema;
use flow_runtime::OutputSpec;

/// The shape of a type: its JSON Schema, and garde's rules on what came of it. Made once per type, in a static.
///
/// # Panics
///
/// If the schema does not compile, which none that schemars writes does.
#[expect(clippy::expect_used, reason = "schemars writes only schemas that compile")]
pub fn output<T: Schema>() -> OutputSpec<T> {
    let rules = |it: &T| match it.validate() {
        Ok(()) => Vec::new(),
        Err(report) => report.iter().map(|(path, error)| format!("{path}: {error}")).collect(),
    };
    let output = OutputSpec::new(T::NAME, T::document().clone());
    output.expect("a schema derived by schemars compiles").with_rules(rules)
}
