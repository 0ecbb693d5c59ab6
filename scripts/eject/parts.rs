//! The parts that can be dropped, as `scripts/eject/parts` lists them.

use std::collections::BTreeSet;

use crate::tree::Tree;

/// The list of parts.
pub const PATH: &str = "scripts/eject/parts";

/// What kind of part it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One of those that serve; one of them has to stay.
    Framework,
    /// Stays unless it is dropped.
    Option,
    /// A sample flow.
    Flow,
    /// Goes with the last sample flow.
    Samples,
    /// Always goes.
    Template,
}

/// One part.
pub struct Part {
    pub kind: Kind,
    pub name: String,
    /// The files and folders that go with it.
    pub paths: Vec<String>,
}

/// All parts that are still there.
pub struct Parts(pub Vec<Part>);

impl Parts {
    pub fn read(tree: &Tree) -> Result<Self, String> {
        let text = tree.text(PATH).ok_or(format!("{PATH} is missing"))?;
        let mut parts = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace().map(str::to_owned);
            let (kind, name) = match (words.next(), words.next()) {
                (None, _) => continue,
                (Some(comment), _) if comment.starts_with('#') => continue,
                (Some(kind), Some(name)) => (kind, name),
                _ => return Err(format!("{PATH}:{}: a line is a kind, a name and paths", number + 1)),
            };
            let kind = match kind.as_str() {
                "framework" => Kind::Framework,
                "option" => Kind::Option,
                "flow" => Kind::Flow,
                "samples" => Kind::Samples,
                "template" => Kind::Template,
                other => return Err(format!("{PATH}:{}: there is no kind {other}", number + 1)),
            };
            parts.push(Part { kind, name, paths: words.collect() });
        }
        Ok(Self(parts))
    }

    /// The list without the parts that went, and without paths that went with others.
    pub fn text_without(tree: &Tree, dropped: &BTreeSet<String>) -> String {
        let line = |line: &str| {
            if line.starts_with('#') || line.trim().is_empty() {
                return Some(line.to_owned());
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let (part, paths) = words.split_at_checked(2)?;
            let there = paths.iter().filter(|it| tree.has(it));
            (!dropped.contains(part[1]))
                .then(|| [part, &there.copied().collect::<Vec<_>>()].concat().join(" "))
        };
        let lines: Vec<_> = tree.text(PATH).unwrap_or_default().lines().filter_map(line).collect();
        let mut text = lines.join("\n") + "\n";
        while text.contains("\n\n\n") {
            text = text.replace("\n\n\n", "\n\n");
        }
        text
    }

    pub fn names(&self, kind: Kind) -> Vec<&str> {
        self.0.iter().filter(|it| it.kind == kind).map(|it| it.name.as_str()).collect()
    }

    pub fn kind(&self, name: &str) -> Option<Kind> {
        self.0.iter().find(|it| it.name == name).map(|it| it.kind)
    }

    /// Whether nothing was ejected from this copy yet.
    pub fn is_template(&self) -> bool {
        self.0.iter().any(|it| it.kind == Kind::Template)
    }
}
