//! The name of the project: which names are possible, and where the name stands.

use crate::lock;
use crate::tree::{Tree, is_history};

const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern \
                        false final fn for gen if impl in let loop macro match mod move mut override priv pub ref \
                        return self static struct super trait true try type typeof union unsafe unsized use virtual \
                        where while yield";
/// The standard library's crates, and the folders of cargo's build output.
const RESERVED: &str = "alloc build core deps examples incremental proc-macro std target test";

/// The name that the project has now.
pub fn current(tree: &Tree) -> Result<String, String> {
    let manifest = tree.text("Cargo.toml").ok_or("Cargo.toml is missing")?;
    let package = manifest.split_once("[package]").map(|(_, it)| it).ok_or("Cargo.toml has no [package]")?;
    let name = package.lines().find_map(|line| line.strip_prefix("name = \""));
    name.and_then(|it| it.split('"').next()).map(Into::into).ok_or("Cargo.toml has no package name".into())
}

/// Whether the name can be a package's, and can be told apart from everything else in this tree.
pub fn check(new: &str, old: &str, tree: &Tree, force: bool) -> Result<(), String> {
    let fits = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    let is_name = new.starts_with(|it: char| it.is_ascii_lowercase())
        && new.chars().all(fits)
        && !new.ends_with('-')
        && !new.contains("--");
    if !is_name {
        return Err(format!(
            "--name {new}: a name is small letters, digits and single dashes, a letter first."
        ));
    }
    if KEYWORDS.split_whitespace().any(|it| it == new) {
        return Err(format!("--name {new}: this is a word of Rust."));
    }
    if RESERVED.split_whitespace().any(|it| it == new) {
        return Err(format!("--name {new}: Rust and cargo need this name themselves."));
    }
    let is_same = |it: &str| it.replace('_', "-") == new;
    if lock::names(tree).any(|it| it != old && is_same(it)) {
        return Err(format!(
            "--name {new}: a package of this workspace or one of its dependencies has this name."
        ));
    }
    // Found again, it could not be told from the name.
    let forms = [new.to_owned(), new.replace('-', "_")];
    let taken = tree.texts().filter(|(path, _)| !is_history(path)).find_map(|(path, text)| {
        let line = text.lines().position(|line| forms.iter().any(|it| has_word(line, it)))?;
        Some(format!("{path}:{}", line + 1))
    });
    match taken {
        Some(place) if !force => Err(format!(
            "--name {new}: this word stands in {place} already, so the project could not be renamed again. Choose \
             another, such as {new}-server, or say --force."
        )),
        _ => Ok(()),
    }
}

/// Puts the new name wherever the old one stands, in texts and in the names of files. Returns how many files had it.
pub fn replace(tree: &mut Tree, old: &str, new: &str) -> usize {
    let mut files = 0;
    let in_code = |it: &str| it.replace('-', "_");
    let paths: Vec<String> = tree.texts().map(|(path, _)| path.to_owned()).collect();
    for path in paths {
        let Some(text) = tree.text(&path).filter(|_| !is_history(&path)) else { continue };
        let with_new = replace_forms(text, old, new);
        let is_changed = with_new != text;
        let file = path.rsplit('/').next().unwrap_or(&path);
        let renamed = path.strip_suffix(file).unwrap_or_default().to_owned()
            + &replace_word(file, &in_code(old), &in_code(new));
        if renamed != path {
            tree.remove(&path);
        }
        files += usize::from(is_changed || renamed != path);
        tree.set(&renamed, with_new);
    }
    files
}

fn replace_forms(text: &str, old: &str, new: &str) -> String {
    let (old_code, new_code) = (old.replace('-', "_"), new.replace('-', "_"));
    if old != old_code {
        return replace_word(&replace_word(text, &old_code, &new_code), old, new);
    }
    // One word has one form. It is Rust's where a path or a snapshot's name goes on.
    replace_words(text, old, &|rest| {
        if rest.starts_with("::") || rest.starts_with("__") { &new_code } else { new }
    })
}

/// Replaces a word where it stands alone.
pub fn replace_word(text: &str, old: &str, new: &str) -> String {
    replace_words(text, old, &|_| new)
}

fn replace_words<'n>(text: &str, old: &str, new: &dyn Fn(&str) -> &'n str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for place in words(text, old) {
        out.push_str(&text[rest..place]);
        rest = place + old.len();
        out.push_str(new(&text[rest..]));
    }
    out + &text[rest..]
}

fn has_word(text: &str, word: &str) -> bool {
    words(text, word).next().is_some()
}

/// Where a word stands that is no part of a longer one.
fn words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    text.match_indices(word).map(|(place, _)| place).filter(move |&place| {
        let (before, after) = (&text[..place], &text[place + word.len()..]);
        // Cargo gives tests the program's path under such a name.
        let starts = before.ends_with("CARGO_BIN_EXE_") || !before.ends_with(is_part);
        // Two underscores follow in the names of snapshots.
        starts && (after.starts_with("__") || !after.starts_with(is_part))
    })
}

fn is_part(it: char) -> bool {
    it.is_alphanumeric() || it == '_' || it == '-'
}

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
