//! Rewrites what stands between the braces of a tag: helper calls and their arguments.
//!
//! `dialect` says what is rewritten and why.

use crate::path;
use crate::reserved::{PRINT, SECTION};

/// The helpers that produce text or a value.
const INLINE: [&str; 7] = ["history", "json", "log", "lookup", "media", "role", "section"];

/// The helpers that take a block.
const BLOCK: [&str; 6] = ["each", "if", "ifEquals", "unless", "unlessEquals", "with"];

/// How deep subexpressions may nest, since they are read by recursion, here and in the crate.
const MAX_DEPTH: usize = 32;

/// The words of one tag.
pub(crate) struct Words<'a> {
    words: Vec<Word<'a>>,
    /// The block parameters in scope.
    names: Vec<&'a str>,
}

#[derive(PartialEq)]
enum Word<'a> {
    Text(String),
    Plain(&'a str),
    Mark(char),
}

/// The name of a partial: as written, or a subexpression that computes it.
pub(crate) enum PartialName<'a> {
    Fixed(&'a str),
    Computed(String),
}

impl<'a> Words<'a> {
    /// Reads a tag in a place where `names` are block parameters.
    pub(crate) fn of(body: &'a str, names: Vec<&'a str>) -> Result<Self, String> {
        let mut words = Vec::new();
        let mut depth = 0_usize;
        let mut rest = body.trim_start();
        while let Some(first) = rest.chars().next() {
            match first {
                '"' | '\'' => {
                    let end = end_of_string(rest, first).ok_or("has a string that is never closed")?;
                    // Only the quote can be escaped. Any other backslash is text.
                    words.push(Word::Text(rest[1..end].replace(&format!("\\{first}"), &first.to_string())));
                    rest = &rest[end + 1..];
                }
                '(' | ')' | '=' | '|' => {
                    depth = if first == ')' {
                        depth.saturating_sub(1)
                    } else {
                        depth + usize::from(first == '(')
                    };
                    if depth > MAX_DEPTH {
                        return Err(format!("nests subexpressions more than {MAX_DEPTH} deep"));
                    }
                    words.push(Word::Mark(first));
                    rest = &rest[1..];
                }
                _ => {
                    let end = end_of_word(rest);
                    words.push(Word::Plain(&rest[..end]));
                    rest = &rest[end..];
                }
            }
            rest = rest.trim_start();
        }
        Ok(Self { words, names })
    }

    /// The first word, if it is a name: what a closing tag repeats.
    pub(crate) fn head(&self) -> Option<&'a str> {
        match self.words.first() {
            Some(Word::Plain(name)) => Some(name),
            _ => None,
        }
    }

    /// `{{x}}` as a whole.
    pub(crate) fn value_tag(&self) -> Result<String, String> {
        match self.words.as_slice() {
            [Word::Plain(name)] if !INLINE.contains(name) => {
                Ok(format!("{{{{{PRINT} {}}}}}", path::value(name, &self.names)))
            }
            [Word::Plain("lookup"), ..] => Ok(format!("{{{{{PRINT} (lookup{})}}}}", self.arguments(1)?)),
            [Word::Plain(name), ..] if INLINE.contains(name) => {
                Ok(format!("{{{{{name}{}}}}}", self.arguments(1)?))
            }
            [Word::Plain(name), ..] if BLOCK.contains(name) => Err(format!("uses `{name}` without a block")),
            [Word::Plain(name), ..] => Err(unknown_helper(name)),
            [] => Err("has an empty tag".into()),
            [Word::Text(_) | Word::Mark(_), ..] => {
                let (value, after) = self.parameter(0)?;
                if after != self.words.len() {
                    return Err("has a tag that calls no helper".into());
                }
                Ok(format!("{{{{{PRINT} {value}}}}}"))
            }
        }
    }

    /// The block parameters it declares.
    pub(crate) fn declared(&self) -> Vec<&'a str> {
        let bars = self.words.iter().skip_while(|it| **it != Word::Mark('|'));
        bars.filter_map(|it| if let Word::Plain(name) = it { Some(*name) } else { None }).collect()
    }

    /// How many contexts up (`..`) its paths reach at most.
    pub(crate) fn parent_depth(&self) -> usize {
        let depths = self
            .words
            .iter()
            .map(|it| if let Word::Plain(path) = it { path.matches("..").count() } else { 0 });
        depths.max().unwrap_or_default()
    }

    /// What follows `{{#`: the helper that is called, and the call.
    pub(crate) fn block(&self) -> Result<(&'a str, String), String> {
        match self.words.as_slice() {
            [Word::Plain(name), ..] if BLOCK.contains(name) => {
                Ok((name, format!("{name}{}", self.arguments(1)?)))
            }
            [Word::Plain(name)] => Ok((SECTION, format!("{SECTION} {}", path::value(name, &self.names)))),
            [Word::Plain(name), ..] => Err(unknown_helper(name)),
            _ => Err("has a block without a name".into()),
        }
    }

    /// What follows `{{>`: the name, and at which word its arguments start.
    pub(crate) fn partial_name(&self) -> Result<(PartialName<'_>, usize), String> {
        let name = match self.words.first() {
            Some(Word::Plain(name)) => name,
            Some(Word::Text(name)) => name.as_str(),
            Some(Word::Mark('(')) => {
                let (call, after) = self.parameter(0)?;
                return Ok((PartialName::Computed(call), after));
            }
            _ => return Err("has a partial without a name".into()),
        };
        let is_plain = |it: char| it.is_alphanumeric() || "-_@/.".contains(it);
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(format!("names the partial `{name}`; letters, digits and `-_/.` make a name"));
        }
        Ok((PartialName::Fixed(name), 1))
    }

    /// What follows `{{#*`: `inline` and a name.
    pub(crate) fn inline_name(&self) -> Result<&str, String> {
        match self.words.as_slice() {
            [Word::Plain("inline"), Word::Text(name)] => Ok(name),
            [Word::Plain("inline"), Word::Plain(name)] => Ok(name),
            _ => Err("has a decorator, and Dotprompt has none but `inline`".into()),
        }
    }

    /// All arguments from a word on: values, `key=value` and `as |a b|`.
    pub(crate) fn arguments(&self, at: usize) -> Result<String, String> {
        let (arguments, after) = self.arguments_until_parenthesis(at)?;
        if after < self.words.len() {
            Err("closes a parenthesis it never opened".into())
        } else {
            Ok(arguments)
        }
    }

    fn arguments_until_parenthesis(&self, mut at: usize) -> Result<(String, usize), String> {
        let mut out = String::new();
        while at < self.words.len() && self.words[at] != Word::Mark(')') {
            let (argument, after) = self.argument(at)?;
            out.push(' ');
            out.push_str(&argument);
            at = after;
        }
        Ok((out, at))
    }

    /// One argument, and the word after it.
    fn argument(&self, at: usize) -> Result<(String, usize), String> {
        match self.words.get(at..).unwrap_or_default() {
            [Word::Plain("as"), Word::Mark('|'), rest @ ..] => {
                let names = rest.iter().map_while(|it| match it {
                    Word::Plain(name) => Some(*name),
                    _ => None,
                });
                let names: Vec<_> = names.collect();
                if rest.get(names.len()) != Some(&Word::Mark('|')) || !(1..=2).contains(&names.len()) {
                    return Err(
                        "names its block parameters other than `as |value|` or `as |value key|`".into()
                    );
                }
                Ok((format!("as |{}|", names.join(" ")), at + names.len() + 3))
            }
            [Word::Plain(key), Word::Mark('='), ..] => {
                let (value, after) = self.parameter(at + 2)?;
                Ok((format!("{key}={value}"), after))
            }
            _ => self.parameter(at),
        }
    }

    /// One value, and the word after it.
    fn parameter(&self, at: usize) -> Result<(String, usize), String> {
        match self.words.get(at..).unwrap_or_default() {
            [Word::Text(text), ..] => Ok((serde_json::Value::from(text.as_str()).to_string(), at + 1)),
            [Word::Plain(name), ..] => Ok((path::value(name, &self.names), at + 1)),
            [Word::Mark('('), Word::Plain(name), ..] => {
                if !INLINE.contains(name) {
                    return Err(unknown_helper(name));
                }
                let (arguments, after) = self.arguments_until_parenthesis(at + 2)?;
                if after == self.words.len() {
                    return Err("opens a parenthesis it never closes".into());
                }
                Ok((format!("({name}{arguments})"), after + 1))
            }
            [Word::Mark(mark), ..] => Err(format!("has a `{mark}` where a value should be")),
            [] => Err("ends where a value should be".into()),
        }
    }
}

fn end_of_string(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, it)| {
        let ends = it == quote && !escaped;
        escaped = it == '\\' && !escaped;
        ends.then_some(at)
    })
}

fn end_of_word(text: &str) -> usize {
    let mut in_brackets = false;
    let ends = |it: char| it.is_whitespace() || "()=|\"'".contains(it);
    let end = text.char_indices().find(|(_, it)| {
        in_brackets = if in_brackets { *it != ']' } else { *it == '[' };
        !in_brackets && ends(*it)
    });
    end.map_or(text.len(), |(at, _)| at)
}

fn unknown_helper(name: &str) -> String {
    format!("calls `{name}`, which is no helper of Dotprompt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(body: &str) -> String {
        Words::of(body, vec!["item"]).and_then(|it| it.value_tag()).expect("rewrites")
    }

    #[test]
    fn a_tag_prints_a_value_or_calls_a_helper() {
        assert_eq!(tag("item.a"), r#"{{dotprompt:print (lookup item "a")}}"#);
        assert_eq!(tag("json .. indent=2"), "{{json ../this indent=2}}");
        assert_eq!(tag("lookup (lookup . 'a') 0"), r#"{{dotprompt:print (lookup (lookup this "a") 0)}}"#);
        assert_eq!(tag("history"), "{{history}}");
    }

    #[test]
    fn only_the_quote_is_escaped_in_a_string() {
        assert_eq!(tag(r"section 'it\'s \n'"), r#"{{section "it's \\n"}}"#);
    }

    #[test]
    fn a_helper_dotprompt_does_not_have_is_refused() {
        let error =
            Words::of("eq a b", Vec::new()).and_then(|it| it.value_tag()).expect_err("no such helper");
        assert_eq!(error, "calls `eq`, which is no helper of Dotprompt");
    }
}
