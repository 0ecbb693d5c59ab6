//! What goes, and what the tree is without it.

use std::collections::BTreeSet;

use crate::marks::{self, Dropping};
use crate::options::Options;
use crate::overlay::{self, Overlay};
use crate::parts::{self, Kind, Parts};
use crate::tree::Tree;

/// What a run drops.
pub struct Plan {
    pub dropped: BTreeSet<String>,
    /// The framework that stays and comes first.
    pub framework: String,
    /// Whether the samples' successor is put in.
    pub with_overlay: bool,
    /// What to tell the user.
    pub notes: Vec<String>,
}

impl Plan {
    pub fn new(options: &Options, parts: &Parts) -> Result<Self, String> {
        let mut notes = Vec::new();
        let mut dropped: BTreeSet<String> = parts.names(Kind::Template).into_iter().map(Into::into).collect();
        let optional = |it: &str| matches!(parts.kind(it), Some(Kind::Framework | Kind::Option));
        let there_are = || [parts.names(Kind::Framework), parts.names(Kind::Option)].concat().join(" ");
        for name in &options.keep {
            if !optional(name) {
                return Err(format!("--keep {name}: there is no such part; there are: {}", there_are()));
            }
            if options.drop.contains(name) {
                return Err(format!("{name} cannot be both kept and dropped."));
            }
        }
        for name in &options.drop {
            if optional(name) {
                dropped.insert(name.clone());
            } else if parts.is_template() {
                return Err(format!("--drop {name}: there is no such part; there are: {}", there_are()));
            } else {
                // In a project that was ejected before, it is as likely gone as mistyped.
                notes.push(format!("There is no {name} here: nothing to drop."));
            }
        }
        let frameworks = parts.names(Kind::Framework);
        if frameworks.iter().any(|it| options.keep.iter().any(|kept| kept == it)) {
            let go = frameworks.iter().filter(|it| !options.keep.iter().any(|kept| kept == *it));
            dropped.extend(go.map(|it| (*it).to_owned()));
        }
        let framework = frameworks.iter().find(|it| !dropped.contains(**it));
        let framework = framework.ok_or("No framework would be left to serve.")?;
        let with_overlay = drop_flows(options, parts, &mut dropped)?;
        Ok(Self { framework: (*framework).to_owned(), with_overlay, dropped, notes })
    }

    /// Makes the new tree.
    pub fn apply(&self, tree: &mut Tree, parts: &Parts) -> Result<(), String> {
        for part in parts.0.iter().filter(|it| self.dropped.contains(&it.name)) {
            for path in &part.paths {
                tree.remove(path);
                tree.remove(&format!("{}{path}", overlay::FOLDER));
            }
        }
        let dropping = Dropping { parts, names: self.dropped.clone(), framework: self.framework.clone() };
        edit(tree, &dropping, None)?;
        if self.with_overlay {
            let overlay = Overlay::read(tree);
            edit(tree, &dropping, Some(&overlay))?;
            for (path, text) in overlay.files {
                tree.set(&path, text);
            }
            tree.remove(overlay::FOLDER.trim_end_matches('/'));
        }
        tree.set(parts::PATH, Parts::text_without(tree, &self.dropped));
        Ok(())
    }
}

/// Adds the flows that go. Whether the last one does.
fn drop_flows(options: &Options, parts: &Parts, dropped: &mut BTreeSet<String>) -> Result<bool, String> {
    let Some(kept) = &options.flows else { return Ok(false) };
    let flows = parts.names(Kind::Flow);
    if kept.len() > 1 && kept.iter().any(|it| it == "none") {
        return Err("--flows takes `none` or names, not both.".into());
    }
    let none = kept.iter().any(|it| it == "none");
    if let Some(unknown) = kept.iter().find(|it| !none && !flows.contains(&it.as_str())) {
        let there_are = if flows.is_empty() { "none".into() } else { flows.join(" ") };
        return Err(format!("--flows {unknown}: there is no such sample flow; there are: {there_are}"));
    }
    let go = flows.iter().filter(|it| !kept.iter().any(|kept| kept == *it));
    dropped.extend(go.map(|it| (*it).to_owned()));
    let last_goes = !flows.is_empty() && none;
    if last_goes {
        dropped.extend(parts.names(Kind::Samples).into_iter().map(Into::into));
    }
    Ok(last_goes)
}

fn edit(tree: &mut Tree, dropping: &Dropping<'_>, overlay: Option<&Overlay>) -> Result<(), String> {
    let mut edited = Vec::new();
    let mut faults = Vec::new();
    let empty = marks::Pieces::new();
    for (path, text) in tree.marked() {
        // A piece is put into its place, not edited, once the overlay is read.
        let is_piece = path.starts_with(overlay::FOLDER);
        if is_piece && overlay.is_some() {
            continue;
        }
        let pieces = overlay.map(|it| it.pieces.get(path).unwrap_or(&empty));
        match marks::apply(text, dropping, pieces) {
            Ok(new) => edited.push((path.to_owned(), new)),
            Err(found) => faults.extend(found.into_iter().map(|(line, why)| format!("{path}:{line}: {why}"))),
        }
    }
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    for (path, text) in edited {
        // A file of which nothing is left goes.
        if text.trim().is_empty() && tree.text(&path).is_some_and(|it| !it.trim().is_empty()) {
            tree.remove(&path);
        } else {
            tree.set(&path, text);
        }
    }
    Ok(())
}

/// Whether the marks, the list of parts and the overlay are in order.
pub fn check(tree: &Tree, parts: &Parts) -> Result<(), String> {
    let dropping = Dropping { parts, names: BTreeSet::new(), framework: String::new() };
    let mut faults = Vec::new();
    for part in &parts.0 {
        for path in part.paths.iter().filter(|it| !tree.has(it)) {
            faults.push(format!("{}: {} has {path}, which does not exist", parts::PATH, part.name));
        }
    }
    for (path, text) in tree.marked() {
        if let Err(found) = marks::apply(text, &dropping, None) {
            faults.extend(found.into_iter().map(|(line, why)| format!("{path}:{line}: {why}")));
        }
    }
    faults.extend(Overlay::read(tree).faults(tree));
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}
