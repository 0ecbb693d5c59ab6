//! `Cargo.lock`, as far as a rename changes it.

use crate::tree::Tree;

const PATH: &str = "Cargo.lock";

/// The names of all packages.
pub fn names(tree: &Tree) -> impl Iterator<Item = &str> {
    tree.text(PATH).unwrap_or_default().lines().filter_map(name)
}

/// Sorts the packages by name, as cargo does, so that `--locked` finds what it would write.
pub fn sort(tree: &mut Tree) {
    let Some(text) = tree.text(PATH) else { return };
    let mut blocks = text.trim_end().split("\n\n");
    let head = blocks.next().unwrap_or_default().to_owned();
    let mut packages: Vec<&str> = blocks.collect();
    packages.sort_by_key(|block| block.lines().find_map(name));
    let sorted = format!("{head}\n\n{}\n", packages.join("\n\n"));
    tree.set(PATH, sorted);
}

fn name(line: &str) -> Option<&str> {
    line.strip_prefix("name = \"")?.strip_suffix('"')
}
