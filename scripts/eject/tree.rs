//! The files of the project, in memory: what they are and what they become.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where the program itself is; what it says about marks is no mark.
const PROGRAM: &str = "scripts/eject/";

/// All files of text, and which of them are changed.
pub struct Tree {
    before: BTreeMap<String, String>,
    after: BTreeMap<String, String>,
    /// Files that are not text: they are removed or kept as they are.
    binary: Vec<String>,
    removed: Vec<String>,
}

/// A change of a file.
pub enum Change {
    Remove(String),
    Write(String, String),
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove(path) => write!(out, "delete {path}"),
            Self::Write(path, _) => write!(out, "write {path}"),
        }
    }
}

impl Tree {
    /// Reads what Git tracks or would track; without Git, everything but build output.
    pub fn read(root: &Path) -> Result<Self, String> {
        let paths = match git(&["ls-files", "--cached", "--others", "--exclude-standard", "-z"]) {
            Some(list) if is_repository() => {
                list.split('\0').filter(|it| !it.is_empty()).map(Into::into).collect()
            }
            _ => {
                let mut paths = Vec::new();
                walk(root, "", &mut paths)?;
                paths
            }
        };
        let mut tree =
            Self { before: BTreeMap::new(), after: BTreeMap::new(), binary: Vec::new(), removed: Vec::new() };
        for path in paths {
            // Deleted, but not yet for Git; or a link.
            let Ok(bytes) = fs::read(root.join(&path)) else { continue };
            match String::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => _ = tree.before.insert(path, text),
                _ => tree.binary.push(path),
            }
        }
        tree.after = tree.before.clone();
        Ok(tree)
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.after.get(path).map(String::as_str)
    }

    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.after.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files that may have marks.
    pub fn marked(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| match path.strip_prefix(PROGRAM) {
            Some(rest) => rest.contains('/'),
            None => !path.ends_with(".lock") && !path.ends_with(".snap"),
        })
    }

    /// Whether there is such a file or folder.
    pub fn has(&self, path: &str) -> bool {
        self.after.keys().chain(&self.binary).any(|it| is_in(it, path))
    }

    /// Removes a file or a folder.
    pub fn remove(&mut self, path: &str) {
        self.after.retain(|it, _| !is_in(it, path));
        let (gone, left) = std::mem::take(&mut self.binary).into_iter().partition(|it| is_in(it, path));
        self.binary = left;
        self.removed.extend::<Vec<_>>(gone);
    }

    pub fn set(&mut self, path: &str, text: String) {
        self.after.insert(path.to_owned(), text);
    }

    /// Whether there was such a file at the start.
    pub fn had(&self, path: &str) -> bool {
        self.before.contains_key(path)
    }

    /// How many files there will be.
    pub fn len(&self) -> usize {
        self.after.len() + self.binary.len()
    }

    /// What is to be done, deletions first.
    pub fn changes(&self) -> Vec<Change> {
        let gone = self.before.keys().filter(|it| !self.after.contains_key(*it));
        let gone = gone.chain(&self.removed).cloned().map(Change::Remove);
        let new = self.after.iter().filter(|(path, text)| self.before.get(*path) != Some(text));
        gone.chain(new.map(|(path, text)| Change::Write(path.clone(), text.clone()))).collect()
    }
}

/// Does it.
pub fn write(changes: &[Change]) -> Result<(), String> {
    for change in changes {
        match change {
            Change::Remove(path) => {
                fs::remove_file(path).map_err(|error| format!("{path}: {error}"))?;
                // Folders that are empty now go, too.
                for folder in Path::new(path).ancestors().skip(1).filter(|it| !it.as_os_str().is_empty()) {
                    if fs::remove_dir(folder).is_err() {
                        break;
                    }
                }
            }
            Change::Write(path, text) => {
                let folder = Path::new(path).parent().unwrap_or(Path::new("."));
                fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
                // An existing file keeps its mode.
                fs::write(path, text).map_err(|error| format!("{path}: {error}"))?;
            }
        }
    }
    Ok(())
}

/// Files that tell of the past or of others, and keep the names that they tell of.
pub fn is_history(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("CHANGELOG") || name.starts_with("LICENSE")
}

/// Refuses to edit what could not be brought back. Without Git there is nothing to compare with.
pub fn refuse_uncommitted_changes() -> Result<(), String> {
    let changed = if is_repository() { git(&["status", "--porcelain"]) } else { None };
    match changed {
        Some(list) if !list.trim().is_empty() => Err(format!(
            "There are changes that are not committed, and an ejection cannot be undone without Git:\n{list}\
             Commit them, or say --force."
        )),
        _ => Ok(()),
    }
}

fn is_in(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|it| it.is_empty() || it.starts_with('/'))
}

/// Whether this folder is the top of a Git repository.
fn is_repository() -> bool {
    git(&["rev-parse", "--show-prefix"]).is_some_and(|it| it.trim().is_empty())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn walk(root: &Path, folder: &str, paths: &mut Vec<String>) -> Result<(), String> {
    let entries = fs::read_dir(root.join(folder)).map_err(|error| format!("{folder}: {error}"))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let Ok(kind) = entry.file_type() else { continue };
        // Build output, Git's own files, and dotenv files, which hold secrets.
        let is_private =
            name == ".env" || (name.starts_with('.') && name.ends_with(".env") && name != ".example.env");
        if kind.is_dir() && name != "target" && name != ".git" {
            walk(root, &path, paths)?;
        } else if kind.is_file() && !is_private {
            paths.push(path);
        }
    }
    Ok(())
}
