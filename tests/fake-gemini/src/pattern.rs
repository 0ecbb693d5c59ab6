//! A text for a simple regular expression: literals, classes, groups, the first alternative, quantifiers.

use std::iter::Peekable;
use std::str::Chars;

/// What a class or a `.` is filled with, by preference.
const LIKED: &str = "aA0 -_.é!";

/// A text that matches. `stretch` lengthens everything that may be repeated by so many times. `None` when
/// the expression has look-around or back-references, or does not parse.
pub(crate) fn text(pattern: &str, stretch: usize) -> Option<String> {
    let mut reader = Reader { chars: pattern.chars().peekable(), stretch };
    let text = reader.alternatives()?;
    reader.chars.next().is_none().then_some(text)
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    stretch: usize,
}

impl Reader<'_> {
    fn alternatives(&mut self) -> Option<String> {
        let first = self.sequence()?;
        while self.chars.next_if_eq(&'|').is_some() {
            self.sequence()?;
        }
        Some(first)
    }

    fn sequence(&mut self) -> Option<String> {
        let mut text = String::new();
        while let Some(&c) = self.chars.peek() {
            if c == '|' || c == ')' {
                break;
            }
            self.chars.next();
            let atom = match c {
                '^' | '$' => continue,
                '.' => "a".to_owned(),
                '(' => self.group()?,
                '[' => self.class()?.to_string(),
                '\\' => self.escape()?,
                literal => literal.to_string(),
            };
            let times = self.times()?;
            text += &atom.repeat(times);
        }
        Some(text)
    }

    fn group(&mut self) -> Option<String> {
        if self.chars.next_if_eq(&'?').is_some() {
            match self.chars.next()? {
                ':' => {}
                'P' | '<' => {
                    let name: String = self.chars.by_ref().take_while(|c| *c != '>').collect();
                    if name.starts_with(['=', '!']) {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        let text = self.alternatives()?;
        self.chars.next_if_eq(&')').map(|_| text)
    }

    fn escape(&mut self) -> Option<String> {
        let c = self.chars.next()?;
        if matches!(c, 'b' | 'B' | 'A' | 'z' | 'Z') {
            return Some(String::new());
        }
        let ranges = self.shorthand(c)?;
        pick(&ranges, false).map(String::from)
    }

    fn class(&mut self) -> Option<char> {
        let negated = self.chars.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        loop {
            match self.chars.next()? {
                ']' if !ranges.is_empty() => return pick(&ranges, negated),
                '\\' => {
                    let c = self.chars.next()?;
                    ranges.append(&mut self.shorthand(c)?);
                }
                low => ranges.push((low, low)),
            }
            let mut ahead = self.chars.clone();
            if ahead.next() == Some('-') && ahead.next().is_some_and(|next| next != ']') {
                self.chars.next();
                let high = match self.chars.next()? {
                    '\\' => self.chars.next()?,
                    high => high,
                };
                ranges.last_mut()?.1 = high;
            }
        }
    }

    /// The characters behind `\d`, `\p{…}` and the like.
    fn shorthand(&mut self, c: char) -> Option<Vec<(char, char)>> {
        Some(match c {
            'd' => vec![('0', '9')],
            'w' => vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')],
            's' | 'W' => vec![(' ', ' ')],
            'S' | 'D' => vec![('a', 'z')],
            'n' => vec![('\n', '\n')],
            't' => vec![('\t', '\t')],
            'r' => vec![('\r', '\r')],
            'p' => {
                self.chars.next_if_eq(&'{')?;
                let name: String = self.chars.by_ref().take_while(|c| *c != '}').collect();
                match name.as_str() {
                    "Lu" => vec![('A', 'Z')],
                    name if name.starts_with('L') => vec![('a', 'z'), ('A', 'Z')],
                    name if name.starts_with('N') => vec![('0', '9')],
                    _ => return None,
                }
            }
            c if c.is_ascii_alphanumeric() => return None,
            c => vec![(c, c)],
        })
    }

    fn times(&mut self) -> Option<usize> {
        let (least, most) = match self.chars.peek() {
            Some('?') => (0, 1),
            Some('*') => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('{') => {
                let bounds: String = self.chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                let (least, most): (usize, usize) = match bounds.split_once(',') {
                    None => (bounds.parse().ok()?, bounds.parse().ok()?),
                    Some((least, "")) => (least.parse().ok()?, usize::MAX),
                    Some((least, most)) => (least.parse().ok()?, most.parse().ok()?),
                };
                self.chars.next_if_eq(&'?');
                return Some(most.min(least + self.stretch));
            }
            _ => return Some(1),
        };
        self.chars.next();
        self.chars.next_if_eq(&'?');
        Some(most.min(least + self.stretch))
    }
}

fn pick(ranges: &[(char, char)], negated: bool) -> Option<char> {
    let within = |c: char| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
    let first = if negated { None } else { ranges.first().map(|range| range.0) };
    LIKED.chars().find(|c| within(*c) != negated).or(first)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn simple_patterns_get_a_text() {
        for (pattern, expected) in [
            ("^[a-z][a-z0-9-]{2,5}$", "aaa"),
            (r"^\d{4}-\d{2}$", "0000-00"),
            ("^(?:red|green)!?$", "red"),
            (r"^\p{Lu}\p{Ll}+$", "Aa"),
            (r"^[^a\s]+\.rs$", "A.rs"),
            (r"\S", "a"),
        ] {
            assert_eq!(text(pattern, 0).as_deref(), Some(expected), "{pattern}");
        }
        assert_eq!(text("^[a-z]{2,5}$", 9).as_deref(), Some("aaaaa"));
        assert_eq!(text("(?=x)", 0), None);
    }
}
