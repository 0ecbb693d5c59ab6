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

    /// The list without the parts that went.
    pub fn text_without(&self, text: &str, dropped: &BTreeSet<String>) -> String {
        let stays = |line: &&str| line.split_whitespace().nth(1).is_none_or(|it| !dropped.contains(it));
        let is_part = |line: &str| !line.trim_start().starts_with('#') && !line.trim().is_empty();
        text.lines().filter(|line| !is_part(line) || stays(line)).map(|line| format!("{line}\n")).collect()
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
