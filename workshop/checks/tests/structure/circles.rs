//! No two files of a crate know each other, also not through others, and no two folders beside each other. A parent may
//! declare what is below it and pass it on.

use std::collections::BTreeSet;
use std::path::Path;

use crate::{graph, modules, packages};

#[test]
fn no_files_know_each_other_in_a_circle() {
    let mut told = Vec::new();
    for package in packages::all() {
        for target in &package.targets {
            let modules = modules::read(target);
            let (files, siblings) = (graph::edges(&modules), graph::edges_of_siblings(&modules));
            for circle in graph::circles(&files).into_iter().chain(graph::circles(&siblings)) {
                told.push(format!(
                    "{} ({}):\n{}",
                    package.name,
                    packages::shown(target),
                    graph::tell(&circle)
                ));
            }
        }
    }
    assert!(told.is_empty(), "circles of modules:\n{}", told.concat());
}

/// The small crate in `fixture/`, in which one circle of files is planted and one of folders.
#[test]
fn a_circle_is_found_and_what_looks_like_one_is_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/structure/fixture");
    let modules = modules::read(&folder.join("lib.rs"));
    let name = |path: &Path| path.strip_prefix(&folder).unwrap().display().to_string();
    let told = |edges: BTreeSet<graph::Edge>| -> Vec<Vec<_>> {
        let circles = graph::circles(&edges).into_iter();
        let told = circles.map(|it| it.iter().map(|it| (name(&it.from), it.line, name(&it.to))).collect());
        told.collect()
    };
    let edge = |from: &str, line, to: &str| (from.to_owned(), line, to.to_owned());
    let files = vec![
        edge("round/back.rs", 4, "round/there.rs"),
        edge("round/over.rs", 3, "round/back.rs"),
        edge("round/over.rs", 9, "round/back.rs"),
        edge("round/there.rs", 4, "round/over.rs"),
    ];
    assert_eq!(told(graph::edges(&modules)), std::slice::from_ref(&files));
    let folders = vec![
        edge("across/left/mod.rs", 4, "across/right/mod.rs"),
        edge("across/right/mod.rs", 4, "across/left/mod.rs"),
    ];
    assert_eq!(told(graph::edges_of_siblings(&modules)), [folders, files]);
}
