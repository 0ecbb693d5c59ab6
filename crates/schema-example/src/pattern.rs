//! Texts that match a regular expression.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A text for `pattern` with a length within the bounds, made of the letters of `hint` where they match.
///
/// `None` if the expression uses look-around or back-references, or if no text tried has a fitting length.
pub(crate) fn sample(pattern: &str, hint: &str, shortest: usize, longest: usize) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let fits = |text: &String| (shortest..=longest).contains(&text.chars().count());
    let likely = hint.chars().count().min(40);
    [likely, 1, 0, shortest, longest.min(1000)].into_iter().map(|wanted| write(&hir, hint, wanted)).find(fits)
}

fn write(hir: &Hir, hint: &str, wanted: usize) -> String {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => String::new(),
        HirKind::Literal(literal) => String::from_utf8_lossy(&literal.0).into_owned(),
        HirKind::Class(class) => letters(class, hint).take(1).collect(),
        HirKind::Capture(capture) => write(&capture.sub, hint, wanted),
        HirKind::Concat(parts) => parts.iter().map(|part| write(part, hint, wanted)).collect(),
        HirKind::Alternation(branches) => {
            branches.first().map(|it| write(it, hint, wanted)).unwrap_or_default()
        }
        HirKind::Repetition(repetition) => {
            let least = repetition.min as usize;
            let most = repetition.max.map_or(usize::MAX, |it| it as usize);
            let times = wanted.clamp(least, most);
            match repetition.sub.kind() {
                HirKind::Class(class) => letters(class, hint).take(times).collect(),
                // Repeated groups nest, so their text would grow exponentially; the fewest rounds are enough.
                _ => write(&repetition.sub, hint, wanted).repeat(times.min(least.max(1))),
            }
        }
    }
}

/// The letters of `hint` that the class contains, repeated for ever; without any, one letter of the class.
fn letters<'a>(class: &'a Class, hint: &'a str) -> Box<dyn Iterator<Item = char> + 'a> {
    // In JSON Schema `\w` and `\d` are ASCII; the parser here takes them for all of Unicode.
    let allowed: Vec<char> = hint.chars().filter(|&it| it.is_ascii() && contains(class, it)).collect();
    if allowed.is_empty() {
        let plain =
            ('a'..='z').chain('0'..='9').chain('A'..='Z').chain(' '..='~').find(|&it| contains(class, it));
        return Box::new(std::iter::repeat(plain.or_else(|| first(class)).unwrap_or('?')));
    }
    Box::new(allowed.into_iter().cycle())
}

fn contains(class: &Class, letter: char) -> bool {
    match class {
        Class::Unicode(class) => class.iter().any(|range| (range.start()..=range.end()).contains(&letter)),
        Class::Bytes(class) => u8::try_from(letter)
            .is_ok_and(|byte| class.iter().any(|it| (it.start()..=it.end()).contains(&byte))),
    }
}

fn first(class: &Class) -> Option<char> {
    match class {
        Class::Unicode(class) => class.iter().next().map(regex_syntax::hir::ClassUnicodeRange::start),
        Class::Bytes(class) => class.iter().next().map(|range| char::from(range.start())),
    }
}
