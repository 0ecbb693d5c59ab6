//! No two files of a crate know each other, also not through others. A parent may declare what is below it and pass it
//! on.

use std::path::Path;

use crate::{graph, modules, packages};

#[test]
fn no_files_know_each_other_in_a_circle() {
    let mut told = String::new();
    for package in packages::all() {
        for target in &package.targets {
            let edges = graph::edges(&modules::read(target));
            for circle in graph::circles(&edges) {
                told += &format!("{} ({}):\n{}", package.name, packages::shown(target), graph::tell(&circle));
            }
        }
    }
    assert!(told.is_empty(), "circles of modules:\n{told}");
}

/// The small crate in `fixture/`, in which one circle is planted.
#[test]
fn a_circle_is_found_and_what_looks_like_one_is_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/structure/fixture");
    let edges = graph::edges(&modules::read(&folder.join("lib.rs")));
    let circles = graph::circles(&edges);
    let name = |path: &Path| path.strip_prefix(&folder).unwrap().display().to_string();
    let told: Vec<_> = circles
        .iter()
        .map(|circle| circle.iter().map(|it| (name(&it.from), it.line, name(&it.to))).collect::<Vec<_>>())
        .collect();
    let edge = |from: &str, line, to: &str| (from.to_owned(), line, to.to_owned());
    let planted = vec![
        edge("round/back.rs", 4, "round/there.rs"),
        edge("round/over.rs", 3, "round/back.rs"),
        edge("round/over.rs", 9, "round/back.rs"),
        edge("round/there.rs", 4, "round/over.rs"),
    ];
    assert_eq!(told, [planted]);
}
