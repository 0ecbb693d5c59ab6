//! Reads what stands between the braces of a tag: values, paths and calls of helpers.

use serde_json::Value;

use crate::words::{Word, end_of_word, words};

/// The helpers that produce text or a value.
const INLINE: [&str; 7] = ["history", "json", "log", "lookup", "media", "role", "section"];

/// The helpers that take a block.
const BLOCK: [&str; 6] = ["each", "if", "ifEquals", "unless", "unlessEquals", "with"];

/// The helper of `{{#name}}…{{/name}}`, which has no name.
pub(crate) const SECTION: &str = "";

/// What has a value.
#[derive(Debug, PartialEq)]
pub(crate) enum Expression {
    Literal(Value),
    Path(Path),
    Call(Call),
}

/// `a.b`, `../a`, `@auth.email`
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Path {
    /// It begins with `@`.
    pub(crate) is_data: bool,
    /// How many `..` it begins with.
    pub(crate) up: usize,
    /// It begins with `this` or `.`, so that its first step names no block parameter.
    pub(crate) from_this: bool,
    pub(crate) steps: Vec<String>,
}

/// A helper with its arguments.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Call {
    pub(crate) helper: &'static str,
    pub(crate) values: Vec<Expression>,
    pub(crate) named: Vec<(String, Expression)>,
    /// The block parameters: `as |a b|`.
    pub(crate) parameters: Vec<String>,
}

/// `{{x}}` as a whole.
pub(crate) fn value_tag(body: &str) -> Result<Expression, String> {
    let words = words(body)?;
    let mut reader = Reader(&words);
    let value = match reader.0 {
        [] => return Err("has an empty tag".into()),
        [Word::Plain(name), rest @ ..] if let Some(helper) = known(&INLINE, name) => {
            reader.0 = rest;
            Expression::Call(reader.arguments(helper)?)
        }
        [Word::Plain(name), _, ..] if BLOCK.contains(name) => {
            return Err(format!("uses `{name}` without a block"));
        }
        [Word::Plain(name), _, ..] => return Err(unknown_helper(name)),
        _ => reader.value()?,
    };
    if reader.0.is_empty() { Ok(value) } else { Err("has a tag that calls no helper".into()) }
}

/// What follows `{{#`: what the closing tag must repeat, and the call.
pub(crate) fn block(body: &str) -> Result<(&str, Call), String> {
    let words = words(body)?;
    match words.as_slice() {
        [Word::Plain(name), rest @ ..] if let Some(helper) = known(&BLOCK, name) => {
            Ok((name, Reader(rest).all_arguments(helper)?))
        }
        [Word::Plain(name)] => {
            Ok((name, Call { helper: SECTION, values: vec![word_value(name)], ..Call::default() }))
        }
        [Word::Plain(name), ..] => Err(unknown_helper(name)),
        _ => Err("has a block without a name".into()),
    }
}

/// What follows `{{>`: the name, which may be computed, and its arguments.
pub(crate) fn partial(body: &str) -> Result<(Expression, Call), String> {
    let words = words(body)?;
    let mut reader = Reader(&words);
    let name = match reader.0 {
        [Word::Plain(name), rest @ ..] => {
            reader.0 = rest;
            Expression::Literal((*name).into())
        }
        [Word::Text(_) | Word::Mark('('), ..] => reader.value()?,
        _ => return Err("has a partial without a name".into()),
    };
    Ok((name, reader.all_arguments(SECTION)?))
}

/// What follows `{{#*`: `inline` and a name.
pub(crate) fn inline_name(body: &str) -> Result<String, String> {
    match words(body)?.as_slice() {
        [Word::Plain("inline"), Word::Text(name)] => Ok(name.clone()),
        [Word::Plain("inline"), Word::Plain(name)] => Ok((*name).to_owned()),
        _ => Err("has a decorator, and Dotprompt has none but `inline`".into()),
    }
}

/// The first word: what the closing tag of a partial's block repeats.
pub(crate) fn head(body: &str) -> &str {
    &body[..end_of_word(body)]
}

/// The words that are still to be read.
struct Reader<'w, 'a>(&'w [Word<'a>]);

impl Reader<'_, '_> {
    fn all_arguments(mut self, helper: &'static str) -> Result<Call, String> {
        let call = self.arguments(helper)?;
        if self.0.is_empty() { Ok(call) } else { Err("closes a parenthesis it never opened".into()) }
    }

    /// The arguments up to a closing parenthesis or the end: values, `key=value` and `as |a b|`.
    fn arguments(&mut self, helper: &'static str) -> Result<Call, String> {
        let mut call = Call { helper, ..Call::default() };
        loop {
            match self.0 {
                [] | [Word::Mark(')'), ..] => return Ok(call),
                [Word::Plain("as"), Word::Mark('|'), rest @ ..] => {
                    let name = |it: &Word<'_>| match it {
                        Word::Plain(name) => Some((*name).to_owned()),
                        _ => None,
                    };
                    call.parameters = rest.iter().map_while(name).collect();
                    let count = call.parameters.len();
                    if rest.get(count) != Some(&Word::Mark('|')) || !(1..=2).contains(&count) {
                        return Err(
                            "names its block parameters other than `as |value|` or `as |value key|`".into()
                        );
                    }
                    self.0 = &rest[count + 1..];
                }
                [Word::Plain(key), Word::Mark('='), rest @ ..] => {
                    self.0 = rest;
                    call.named.push(((*key).to_owned(), self.value()?));
                }
                _ => call.values.push(self.value()?),
            }
        }
    }

    fn value(&mut self) -> Result<Expression, String> {
        let (value, rest) = match self.0 {
            [Word::Text(text), rest @ ..] => (Expression::Literal(text.as_str().into()), rest),
            [Word::Plain(word), rest @ ..] => (word_value(word), rest),
            [Word::Mark('('), Word::Plain(name), rest @ ..] => {
                let helper = known(&INLINE, name).ok_or_else(|| unknown_helper(name))?;
                self.0 = rest;
                let call = self.arguments(helper)?;
                let [Word::Mark(')'), rest @ ..] = self.0 else {
                    return Err("opens a parenthesis it never closes".into());
                };
                (Expression::Call(call), rest)
            }
            [Word::Mark(mark), ..] => return Err(format!("has a `{mark}` where a value should be")),
            [] => return Err("ends where a value should be".into()),
        };
        self.0 = rest;
        Ok(value)
    }
}

/// A literal or a path.
fn word_value(word: &str) -> Expression {
    let starts_as_number = word.trim_start_matches('-').starts_with(|it: char| it.is_ascii_digit());
    Expression::Literal(match word {
        "true" => true.into(),
        "false" => false.into(),
        "null" | "undefined" => Value::Null,
        _ => match (word.parse::<i64>(), word.parse::<f64>()) {
            (Ok(whole), _) => whole.into(),
            (_, Ok(number)) if starts_as_number => number.into(),
            _ => return Expression::Path(path(word)),
        },
    })
}

fn path(word: &str) -> Path {
    let mut path = Path::default();
    let mut rest = word;
    if let Some(name) = rest.strip_prefix('@') {
        path.is_data = true;
        rest = name;
    }
    while let Some(outer) = after_step(rest, "..") {
        path.up += 1;
        rest = outer;
    }
    if let Some(within) = after_step(rest, "this").or_else(|| after_step(rest, ".")) {
        path.from_this = true;
        rest = within;
    }
    // `a.b`, `a/b`, `a.[b c].0`
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some((step, after)) => (step, after.strip_prefix(['.', '/']).unwrap_or(after)),
            None => rest.split_once(['.', '/']).unwrap_or((rest, "")),
        };
        path.steps.push(step.to_owned());
        rest = after;
    }
    path
}

/// What follows `step` in a path, if that is its first step.
fn after_step<'p>(path: &'p str, step: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(step)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(['.', '/']) }
}

fn known(helpers: &[&'static str], name: &str) -> Option<&'static str> {
    helpers.iter().find(|it| **it == name).copied()
}

fn unknown_helper(name: &str) -> String {
    format!("calls `{name}`, which is no helper of Dotprompt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(body: &str) -> Expression {
        value_tag(body).expect("reads")
    }

    fn text(text: &str) -> Expression {
        Expression::Literal(text.into())
    }

    fn at(is_data: bool, up: usize, from_this: bool, steps: &[&str]) -> Expression {
        let steps = steps.iter().map(|it| (*it).to_owned()).collect();
        Expression::Path(Path { is_data, up, from_this, steps })
    }

    #[test]
    fn each_path_is_read_from_where_it_starts() {
        assert_eq!(tag("a.[b c]/0"), at(false, 0, false, &["a", "b c", "0"]));
        assert_eq!(tag("../../this.a"), at(false, 2, true, &["a"]));
        assert_eq!(tag("this.item"), at(false, 0, true, &["item"]));
        assert_eq!(tag("../item"), at(false, 1, false, &["item"]));
        assert_eq!(tag("thisOne"), at(false, 0, false, &["thisOne"]));
        assert_eq!(tag("."), at(false, 0, true, &[]));
        assert_eq!(tag(".."), at(false, 1, false, &[]));
        assert_eq!(tag("@auth.email"), at(true, 0, false, &["auth", "email"]));
        assert_eq!(tag("@../index"), at(true, 1, false, &["index"]));
    }

    #[test]
    fn literals_are_no_paths() {
        assert_eq!(tag("-1.5"), Expression::Literal((-1.5).into()));
        assert_eq!(tag("undefined"), Expression::Literal(Value::Null));
        assert_eq!(tag("infinity"), at(false, 0, false, &["infinity"]));
    }

    #[test]
    fn a_helper_takes_values_names_and_other_calls() {
        let Expression::Call(call) = tag("json (lookup . 'a') indent=2") else { panic!("a call") };
        assert_eq!((call.helper, call.named), ("json", vec![("indent".into(), tag("2"))]));
        assert_eq!(call.values, [tag("lookup . 'a'")]);
        assert_eq!(tag("history"), Expression::Call(Call { helper: "history", ..Call::default() }));
    }

    #[test]
    fn only_the_quote_is_escaped_in_a_string() {
        let Expression::Call(call) = tag(r"section 'it\'s \n'") else { panic!("a call") };
        assert_eq!(call.values, [text(r"it's \n")]);
    }

    #[test]
    fn a_helper_dotprompt_does_not_have_is_refused() {
        let error = value_tag("eq a b").expect_err("no such helper");
        assert_eq!(error, "calls `eq`, which is no helper of Dotprompt");
    }
}
