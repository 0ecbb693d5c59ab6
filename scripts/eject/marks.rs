//! Marks: comments that say to which part lines belong.

use std::collections::{BTreeMap, BTreeSet};

use crate::parts::{Kind, Parts};
use crate::tree::Tree;

/// The lines to put at each place, by its name.
pub type Pieces = BTreeMap<String, Vec<String>>;

/// What is being dropped.
pub struct Dropping<'a> {
    pub parts: &'a Parts,
    pub names: BTreeSet<String>,
    /// The framework that takes the place of a dropped one in lines marked `default`.
    pub framework: String,
}

/// A mark in a line.
pub enum Mark<'a> {
    /// The rest of the words, and whether the mark stands behind code.
    Names(Vec<&'a str>, bool),
    End,
    /// The place of a piece.
    Insert(&'a str),
    /// What is wrong with it.
    Malformed(String),
}

/// The mark of a line, if it has one.
pub fn of(line: &str) -> Option<Mark<'_>> {
    let (code, words) = [("// eject:", ""), ("# eject:", ""), ("<!-- eject:", "-->")].iter().find_map(
        |(opening, closing)| {
            let (code, words) = line.trim().rsplit_once(opening)?;
            Some((code, words.strip_suffix(closing)?.trim()))
        },
    )?;
    // `/// eject:` and `## eject:` are text.
    if code.ends_with(['/', '#', '!']) {
        return None;
    }
    let trailing = !code.trim().is_empty();
    let words: Vec<&str> = words.split_whitespace().collect();
    let is_name =
        |it: &&str| it.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || "_-+".contains(it));
    Some(match words[..] {
        _ if !words.iter().all(is_name) && trailing => return None,
        [] => Mark::Malformed("a mark names what its lines belong to".into()),
        ["end" | "insert", ..] if trailing => Mark::Malformed("this mark has a line of its own".into()),
        ["end"] => Mark::End,
        ["insert", place] => Mark::Insert(place),
        ["end" | "insert", ..] => Mark::Malformed(format!("\"{}\" is no mark", words.join(" "))),
        _ => Mark::Names(words, trailing),
    })
}

/// How many files have marks.
pub fn count(tree: &Tree) -> usize {
    tree.marked().filter(|(_, text)| text.lines().any(|line| of(line).is_some())).count()
}

/// A block that is open.
struct Block {
    line: usize,
    goes: bool,
    /// The kind of which lists are made, if it is one.
    list: Option<Kind>,
    default: bool,
}

/// A text without the lines of what is dropped, and with the pieces at their places.
///
/// An error is a list of lines, each with what is wrong.
pub fn apply(
    text: &str,
    dropping: &Dropping<'_>,
    pieces: Option<&Pieces>,
) -> Result<String, Vec<(usize, String)>> {
    let mut out = Output::default();
    let mut faults = Vec::new();
    let mut open: Option<Block> = None;
    // Whether a block since the last `end` has stayed, so that its `end` stays, too.
    let mut stayed = false;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let goes = open.as_ref().is_some_and(|it| it.goes);
        match of(line) {
            None if goes => out.leave_out(),
            None if open.as_ref().is_some_and(|it| it.default) => out.push(&dropping.with_default(line)),
            None => out.push(line),
            Some(Mark::Malformed(why)) => faults.push((number, why)),
            Some(Mark::Insert(place)) => match pieces {
                _ if open.is_some() => faults.push((number, "this place is inside a block".into())),
                None => out.push(line),
                Some(pieces) => {
                    let piece = pieces.get(place).map(Vec::as_slice).unwrap_or_default();
                    out.leave_out();
                    for line in piece {
                        out.push(line);
                    }
                }
            },
            Some(Mark::End) => match open.take() {
                None => faults.push((number, "no block is open here".into())),
                Some(block) if stayed || !block.goes => out.push(line),
                Some(_) => out.leave_out(),
            },
            Some(Mark::Names(names, trailing)) => {
                faults.extend(dropping.unknown(&names).map(|it| (number, format!("there is no part {it}"))));
                let is_default = names == ["default"];
                let names_go = names.iter().any(|it| it.split('+').all(|it| dropping.names.contains(it)));
                let line = &dropping.without_gone(line, &names);
                if trailing {
                    match (goes || names_go, is_default) {
                        (true, _) => out.leave_out(),
                        (false, true) => out.push(&dropping.with_default(line)),
                        (false, false) => out.push(line),
                    }
                    continue;
                }
                let list = dropping.list(&names);
                match &open {
                    None => stayed = false,
                    // In a list of flows or frameworks the next one's mark ends the last one's block.
                    Some(block) if list.is_some() && block.list == list => stayed |= !block.goes,
                    Some(block) => {
                        faults.push((number, format!("the block of line {} is still open", block.line)))
                    }
                }
                open = Some(Block { line: number, goes: names_go, list, default: is_default });
                if names_go { out.leave_out() } else { out.push(line) }
            }
        }
    }
    faults.extend(open.map(|it| (it.line, "the block is not closed: `eject: end` is missing".into())));
    if faults.is_empty() { Ok(out.finish(text)) } else { Err(faults) }
}

impl Dropping<'_> {
    fn unknown<'n>(&self, names: &[&'n str]) -> impl Iterator<Item = &'n str> {
        let known = |it: &&str| *it == "default" || self.parts.kind(it).is_some();
        names.iter().flat_map(|it| it.split('+')).filter(move |it| !known(it))
    }

    /// The kind of the named parts, if they are of one kind of which there are lists.
    fn list(&self, names: &[&str]) -> Option<Kind> {
        let lists = [Kind::Flow, Kind::Framework];
        lists.into_iter().find(|kind| names.iter().all(|it| self.parts.kind(it) == Some(*kind)))
    }

    /// The line of a mark that stays, without those of `a+b` that go.
    fn without_gone(&self, line: &str, names: &[&str]) -> String {
        let mut line = line.to_owned();
        for name in names.iter().filter(|it| it.contains('+')) {
            let left: Vec<&str> = name.split('+').filter(|it| !self.names.contains(*it)).collect();
            line = line.replace(name, &left.join("+"));
        }
        line
    }

    /// The line, naming a framework that stays.
    fn with_default(&self, line: &str) -> String {
        let mut line = line.to_owned();
        let goes = |it: &&str| self.names.contains(*it);
        for name in self.parts.names(Kind::Framework).into_iter().filter(goes) {
            line = crate::name::replace_word(&line, name, &self.framework);
        }
        line
    }
}

/// Lines that stay. Where some went, two blank lines become one.
#[derive(Default)]
struct Output {
    lines: Vec<String>,
    gap: bool,
}

impl Output {
    fn push(&mut self, line: &str) {
        let blank = line.trim().is_empty();
        let after_blank = self.lines.last().is_none_or(|it| it.trim().is_empty());
        if self.gap && blank && after_blank {
            return;
        }
        self.gap &= blank;
        self.lines.push(line.to_owned());
    }

    fn leave_out(&mut self) {
        self.gap = true;
    }

    fn finish(mut self, original: &str) -> String {
        while self.gap && self.lines.last().is_some_and(|it| it.trim().is_empty()) {
            self.lines.pop();
        }
        let mut text = self.lines.join("\n");
        if !text.is_empty() && original.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
#[path = "marks_tests.rs"]
mod tests;
