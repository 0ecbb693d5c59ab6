//! The packages of the template's workspaces, as cargo knows them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// One package of ours.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    /// The first files of its library, programs, tests and examples.
    pub(crate) targets: Vec<PathBuf>,
    /// What its library and programs use, by the names of packages.
    pub(crate) dependencies: Vec<String>,
}

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Those of the project.
pub(crate) fn of_the_project() -> BTreeMap<String, Package> {
    read(&root().join("Cargo.toml"))
}

/// Those of the project and of the workshop.
pub(crate) fn all() -> Vec<Package> {
    let manifests = ["Cargo.toml", "workshop/Cargo.toml", "workshop/fuzz/Cargo.toml"];
    manifests.iter().flat_map(|it| read(&root().join(it)).into_values()).collect()
}

/// A path as one in the project's folder.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// All files below a folder of the project whose name has one of these ends.
pub(crate) fn files(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|it| it.unwrap().path()) {
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
            let is_wanted = path.extension().is_some_and(|it| extensions.iter().any(|wanted| it == *wanted));
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if is_wanted {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(manifest: &Path) -> BTreeMap<String, Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(manifest);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter().map(package);
    packages.map(|it| (it.name.clone(), it)).collect()
}

fn package(metadata: &Value) -> Package {
    let list = |name: &str| metadata[name].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let used = list("dependencies").filter(|it| it["kind"].is_null());
    Package {
        name: text(&metadata["name"]),
        manifest: text(&metadata["manifest_path"]).into(),
        targets: list("targets").map(|it| text(&it["src_path"]).into()).collect(),
        dependencies: used.map(|it| text(&it["name"])).collect(),
    }
}
