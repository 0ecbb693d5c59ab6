//! Rewrites paths such as `a.b`, `../a`, `@auth.email` and `item.name` as look-ups; `dialect` says why.

use serde_json::Value;

use crate::reserved::{DATA, INPUT};

/// The `@`-variables of loops, which the crate keeps itself.
const LOOP: [&str; 4] = ["first", "index", "key", "last"];

/// A word that stands for a value, a literal or a path, where `names` are block parameters.
pub(crate) fn value(word: &str, names: &[&str]) -> String {
    match word {
        "true" | "false" | "null" => word.to_owned(),
        "undefined" => "null".to_owned(),
        _ if is_number(word) => word.to_owned(),
        _ => path(word, names),
    }
}

fn path(path: &str, names: &[&str]) -> String {
    let (start, rest) = if let Some(name) = path.strip_prefix('@') {
        let bare = name.trim_start_matches("../");
        if LOOP.contains(&bare) {
            return path.to_owned();
        }
        match after_step(bare, "root") {
            Some(rest) => (format!("@root.{INPUT}"), rest),
            None => (format!("@root.{DATA}"), bare),
        }
    } else {
        relative(path, names)
    };
    let mut steps = String::new();
    for step in self::steps(rest) {
        steps.push(' ');
        steps.push_str(&Value::from(step).to_string());
    }
    if steps.is_empty() { start } else { format!("(lookup {start}{steps})") }
}

/// Where a path without `@` starts, and the steps from there.
fn relative<'p>(path: &'p str, names: &[&str]) -> (String, &'p str) {
    let mut rest = path;
    let mut start = String::new();
    while let Some(outer) = after_step(rest, "..") {
        start.push_str("../");
        rest = outer;
    }
    let within = after_step(rest, "this").or_else(|| after_step(rest, "."));
    if within.is_none() && start.is_empty() {
        // An inner block hides the parameters of an outer one.
        for name in names.iter().rev() {
            if let Some(rest) = after_step(rest, name) {
                return ((*name).to_owned(), rest);
            }
        }
    }
    start.push_str("this");
    (start, within.unwrap_or(rest))
}

/// What follows `step` in a path, if that is its first step.
fn after_step<'p>(path: &'p str, step: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(step)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(['.', '/']) }
}

/// The steps of a path: `a.b`, `a/b`, `a.[b c].0`.
fn steps(path: &str) -> Vec<&str> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some((step, after)) => (step, after.strip_prefix(['.', '/']).unwrap_or(after)),
            None => rest.split_once(['.', '/']).unwrap_or((rest, "")),
        };
        steps.push(step);
        rest = after;
    }
    steps
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    digits.starts_with(|it: char| it.is_ascii_digit()) && digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_becomes_a_look_up_from_where_it_starts() {
        let rewritten = |word| value(word, &["item"]);
        assert_eq!(rewritten("a.[b c]/0"), r#"(lookup this "a" "b c" "0")"#);
        assert_eq!(rewritten("../../this.a"), r#"(lookup ../../this "a")"#);
        assert_eq!(rewritten("item"), "item");
        assert_eq!(rewritten("item.a"), r#"(lookup item "a")"#);
        assert_eq!(rewritten("items.a"), r#"(lookup this "items" "a")"#);
        assert_eq!(rewritten("this.item"), r#"(lookup this "item")"#);
        assert_eq!(rewritten("../item"), r#"(lookup ../this "item")"#);
        assert_eq!(rewritten("thisOne"), r#"(lookup this "thisOne")"#);
        assert_eq!(rewritten("."), "this");
        assert_eq!(rewritten(".."), "../this");
    }

    #[test]
    fn at_variables_are_the_loops_or_looked_up_at_the_root() {
        let rewritten = |word| value(word, &[]);
        assert_eq!(rewritten("@auth.email"), r#"(lookup @root.data "auth" "email")"#);
        assert_eq!(rewritten("@root.a"), r#"(lookup @root.input "a")"#);
        assert_eq!(rewritten("@rooted"), r#"(lookup @root.data "rooted")"#);
        assert_eq!(rewritten("@../index"), "@../index");
    }

    #[test]
    fn literals_stay() {
        assert_eq!(value("-1.5", &[]), "-1.5");
        assert_eq!(value("undefined", &[]), "null");
        assert_eq!(value("infinity", &[]), r#"(lookup this "infinity")"#);
    }
}
