//! Which file of a crate knows which, and where that goes round in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::modules::{Crate, Meaning, Place};
use crate::packages::shown;

/// One file names another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) from: PathBuf,
    pub(crate) line: usize,
    pub(crate) to: PathBuf,
    /// What it names.
    pub(crate) what: String,
}

/// A module names what another defines.
struct Naming<'a> {
    from: &'a Place,
    line: usize,
    to: Place,
    what: String,
}

/// The edges between the files of a crate.
pub(crate) fn edges(modules: &Crate) -> BTreeSet<Edge> {
    let between = namings(modules).filter_map(|it| {
        let (from, to) = (modules[it.from].file.clone(), modules[&it.to].file.clone());
        (from != to).then_some(Edge { from, line: it.line, to, what: it.what })
    });
    between.collect()
}

/// The edges between the modules that one parent declares, each with all that is below it.
pub(crate) fn edges_of_siblings(modules: &Crate) -> BTreeSet<Edge> {
    let between = namings(modules).filter_map(|it| {
        let common = it.from.iter().zip(&it.to).take_while(|(a, b)| a == b).count();
        let sibling = |place: &Place| place.get(common).map(|_| modules[&place[..=common]].file.clone());
        Some(Edge { from: sibling(it.from)?, line: it.line, to: sibling(&it.to)?, what: it.what })
    });
    between.collect()
}

fn namings(modules: &Crate) -> impl Iterator<Item = Naming<'_>> {
    modules.iter().flat_map(move |(from, module)| {
        module.named.iter().filter_map(move |named| {
            let to = resolve(modules, from, &named.path, 0)?;
            // Declaring what is below and passing it on is what a parent is for.
            let is_passed_on = named.is_reexport && to.starts_with(from);
            let what = named.path.join("::");
            (!is_passed_on).then_some(Naming { from, line: named.line, to, what })
        })
    })
}

/// The module that defines what a path names; none for what is of another crate or local to a function.
fn resolve(modules: &Crate, place: &Place, path: &[String], depth: usize) -> Option<Place> {
    // An import may lead to itself through a glob.
    if depth > 16 {
        return None;
    }
    let mut place = place.clone();
    let mut is_start = true;
    for (nth, name) in path.iter().enumerate() {
        match name.as_str() {
            "crate" if is_start => place.clear(),
            "self" if is_start => {}
            "super" => {
                place.pop()?;
            }
            name => {
                let module = &modules[&place];
                match module.names.get(name) {
                    Some(Meaning::Own) => return Some(place),
                    Some(Meaning::Child) => place.push(name.to_owned()),
                    Some(Meaning::Imported(import)) => {
                        // `use serde::de` does not mean a module `serde` of ours.
                        if import == path && nth == 0 {
                            return None;
                        }
                        let full = [import.as_slice(), &path[nth + 1..]].concat();
                        return resolve(modules, &place, &full, depth + 1);
                    }
                    None => {
                        let globs = module.globs.iter().filter(|it| it.as_slice() != path);
                        let mut through = globs.filter_map(|glob| {
                            let from = resolve(modules, &place, glob, depth + 1)?;
                            let knows = modules.get(&from).is_some_and(|it| it.names.contains_key(name));
                            knows.then(|| resolve(modules, &from, &path[nth..], depth + 1)).flatten()
                        });
                        // In the middle of a path it is something that a macro makes in that module.
                        return through.next().or_else(|| (!is_start).then_some(place));
                    }
                }
            }
        }
        is_start = false;
    }
    modules.contains_key(&place).then_some(place)
}

/// The groups of files of which each knows all others, if through others, with the edges inside each.
pub(crate) fn circles(edges: &BTreeSet<Edge>) -> Vec<Vec<&Edge>> {
    let mut to: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for edge in edges {
        to.entry(&edge.from).or_default().insert(&edge.to);
    }
    let reach: BTreeMap<&Path, BTreeSet<&Path>> = to.keys().map(|it| (*it, reachable(&to, it))).collect();
    let mutual = |a: &Path, b: &Path| {
        reach.get(a).is_some_and(|it| it.contains(b)) && reach.get(b).is_some_and(|it| it.contains(a))
    };
    let mut found = Vec::new();
    let mut told: BTreeSet<&Path> = BTreeSet::new();
    for (file, reached) in &reach {
        if reached.contains(file) && told.insert(file) {
            let inside = edges.iter().filter(|it| mutual(file, &it.from) && mutual(file, &it.to));
            let inside: Vec<_> = inside.collect();
            told.extend(inside.iter().map(|it| it.from.as_path()));
            found.push(inside);
        }
    }
    found
}

/// The files that this one knows, also through others.
fn reachable<'a>(to: &BTreeMap<&Path, BTreeSet<&'a Path>>, from: &Path) -> BTreeSet<&'a Path> {
    let mut seen = BTreeSet::new();
    let mut open = to.get(from).map(|it| it.iter().copied().collect::<Vec<_>>()).unwrap_or_default();
    while let Some(next) = open.pop() {
        if seen.insert(next) {
            open.extend(to.get(next).into_iter().flatten());
        }
    }
    seen
}

/// A circle in words: each of its arrows once, with the place and the names that make it.
pub(crate) fn tell(circle: &[&Edge]) -> String {
    let mut arrows: BTreeMap<(&Path, &Path), Vec<&Edge>> = BTreeMap::new();
    for edge in circle {
        arrows.entry((&edge.from, &edge.to)).or_default().push(edge);
    }
    let lines = arrows.into_iter().map(|((from, to), edges)| {
        let names: BTreeSet<_> = edges.iter().filter_map(|it| it.what.rsplit("::").next()).collect();
        let names: Vec<_> = names.into_iter().collect();
        format!("  {}:{} takes {} from {}\n", shown(from), edges[0].line, names.join(", "), shown(to))
    });
    lines.collect()
}
