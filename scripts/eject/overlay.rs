//! The small flow that takes the place of the samples: whole files, and pieces for the places marked in others.

use std::collections::BTreeMap;

use crate::marks::{self, Mark, Pieces};
use crate::tree::Tree;

/// Where it is kept. A file stands there under the path that it has in the project.
pub const FOLDER: &str = "scripts/eject/echo/";

/// The overlay, by the paths in the project.
#[derive(Default)]
pub struct Overlay {
    pub files: BTreeMap<String, String>,
    pub pieces: BTreeMap<String, Pieces>,
}

impl Overlay {
    pub fn read(tree: &Tree) -> Self {
        let mut overlay = Self::default();
        for (path, text) in tree.texts().filter_map(|(path, text)| Some((path.strip_prefix(FOLDER)?, text))) {
            let pieces = pieces(text);
            if pieces.is_empty() {
                overlay.files.insert(path.to_owned(), text.to_owned());
            } else {
                overlay.pieces.insert(path.to_owned(), pieces);
            }
        }
        overlay
    }

    /// Where overlay and project do not fit together.
    pub fn faults(&self, tree: &Tree) -> Vec<String> {
        let mut faults = Vec::new();
        let places = |text: &str| -> Vec<String> {
            text.lines()
                .filter_map(|line| match marks::of(line) {
                    Some(Mark::Insert(place)) => Some(place.to_owned()),
                    _ => None,
                })
                .collect()
        };
        for (path, pieces) in &self.pieces {
            let places = tree.text(path).map(places).unwrap_or_default();
            for place in pieces.keys().filter(|it| !places.contains(it)) {
                faults.push(format!("{FOLDER}{path}: {path} has no place `eject: insert {place}`"));
            }
        }
        for (path, text) in tree.marked().filter(|(path, _)| !path.starts_with(FOLDER)) {
            for place in places(text) {
                if !self.pieces.get(path).is_some_and(|it| it.contains_key(&place)) {
                    faults.push(format!("{path}: {FOLDER}{path} has no piece `eject: insert {place}`"));
                }
            }
        }
        faults
    }
}

/// The pieces of a file, each below its mark. Blank lines around a piece belong to it as far as they stand inside.
fn pieces(text: &str) -> Pieces {
    let mut pieces = Pieces::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(Mark::Insert(place)) = marks::of(line) {
            current = Some(place.to_owned());
            pieces.insert(place.to_owned(), Vec::new());
        } else if let Some(piece) = current.as_ref().and_then(|it| pieces.get_mut(it)) {
            piece.push(line.to_owned());
        }
    }
    pieces
}
