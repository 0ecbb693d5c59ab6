//! The members of a request that not every model takes.

use crate::lacks::{self, Lacks};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Temperature,
    TopP,
    TopK,
    Thinking,
    /// Words ask for the schema instead.
    OutputFormat,
    /// The thinking that older models know has a budget.
    AdaptiveThinking,
}

/// How the server names them when it refuses them.
pub(super) const NAMES: [(Member, &[&str]); 6] = [
    (Member::Temperature, &["temperature"]),
    (Member::TopP, &["top_p"]),
    (Member::TopK, &["top_k"]),
    (Member::AdaptiveThinking, &["adaptive", "effort"]),
    (Member::Thinking, &["thinking"]),
    (Member::OutputFormat, &["output_config", "output_format", "json_schema", "structured"]),
];

impl lacks::Member for Member {
    fn place(self) -> u32 {
        self as u32
    }
}

/// What is known of a model by its name, such as `claude-3-5-sonnet-20241022` or `claude-opus-4-1`.
pub(super) fn lacking(model: &str) -> Lacks<Member> {
    let missing: &[Member] = match version(model) {
        Some(version) if version < (3, 7) => {
            &[Member::OutputFormat, Member::AdaptiveThinking, Member::Thinking]
        }
        Some(version) if version < (4, 5) => &[Member::OutputFormat, Member::AdaptiveThinking],
        Some(version) if version < (4, 6) => &[Member::AdaptiveThinking],
        _ => &[],
    };
    Lacks::new(missing)
}

/// The version in a model's name. A number of more than two digits is a date.
pub(super) fn version(model: &str) -> Option<(u32, u32)> {
    let name = model.strip_prefix("claude-")?;
    let numbers = name.split(['-', '.']).filter(|it| it.len() <= 2).filter_map(|it| it.parse().ok());
    let mut numbers = numbers.fuse();
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_version() {
        for (name, expected) in [
            ("claude-3-5-sonnet-20241022", Some((3, 5))),
            ("claude-3-opus-20240229", Some((3, 0))),
            ("claude-opus-4-1", Some((4, 1))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-opus-4-6", Some((4, 6))),
            ("claude-haiku-5", Some((5, 0))),
            ("some-model", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
    }
}
