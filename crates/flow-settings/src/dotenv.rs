//! Dotenv files, with the line each value stands on. Reading one changes nothing in the process.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;

use crate::error::Fault;

/// The values of one file, with their lines counted from 1.
pub(crate) struct DotenvFile {
    /// As messages call it.
    pub(crate) name: String,
    pub(crate) values: HashMap<String, (String, usize)>,
}

impl DotenvFile {
    /// `.<env>.env`, which must be there if it is asked for, and `.env`, which need not. The winning one first.
    pub(crate) fn open_all(dir: &Path, env: Option<&str>, faults: &mut Vec<Fault>) -> Vec<Self> {
        let named = env.and_then(|env| {
            let missing =
                (format!("from --env {env}"), format!("there is no such file in {}", dir.display()));
            Self::open(dir, format!(".{env}.env"), Some(missing), faults)
        });
        named.into_iter().chain(Self::open(dir, ".env".to_owned(), None, faults)).collect()
    }

    /// Every malformed line becomes a fault; so does a missing file, where there is something to say of that.
    fn open(
        dir: &Path,
        name: String,
        missing: Option<(String, String)>,
        faults: &mut Vec<Fault>,
    ) -> Option<Self> {
        let mut fault = |origin: String, why: String, example: &str| {
            let (key, example) = (name.clone(), example.to_owned());
            faults.push(Fault { key, value: None, origin, why, example });
        };
        let path = dir.join(&name);
        // In a folder that may not be searched nobody can know, so a file that nobody asked for is not there either.
        let is_absent =
            |error: &io::Error| error.kind() == io::ErrorKind::NotFound || path.metadata().is_err();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if is_absent(&error) => {
                if let Some((origin, why)) = missing {
                    fault(origin, why, "");
                }
                return None;
            }
            Err(error) => {
                fault("file".to_owned(), format!("cannot be read: {error}"), "");
                return None;
            }
        };
        // The iterator, unlike dotenvy's loader, neither strips a byte order mark nor accepts a last line
        // that ends in blanks instead of a newline.
        let mut text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes).to_vec();
        text.push(b'\n');
        let text = protect_dollars(&text);

        let line = Cell::new(0);
        let mut values = HashMap::new();
        for entry in dotenvy::from_read_iter(OneLinePerRead { rest: &text, line: &line }) {
            match entry {
                // The last one wins, as when a shell sources the file.
                Ok((key, value)) => {
                    values.insert(key, (value.replace(DOLLAR, "$"), line.get()));
                }
                // The error's own text quotes the line, which may hold a secret.
                Err(dotenvy::Error::LineParse(entry, _)) => {
                    let entry = entry.strip_suffix('\n').unwrap_or(&entry);
                    let first = line.get() - entry.matches('\n').count().min(line.get() - 1);
                    let why = "is not NAME=value; a value with blanks, # or $ needs single quotes";
                    fault(format!("{name}:{first}"), why.to_owned(), "NAME='value'");
                }
                Err(_) => {
                    fault(format!("{name}:{}", line.get()), "is not UTF-8 text".to_owned(), "");
                    break;
                }
            }
        }
        Some(Self { name, values })
    }
}

/// Stands for a `$` that means itself. Unicode reserves this character for such use; no text has it.
const DOLLAR: char = '\u{FDD0}';

/// Puts [`DOLLAR`] in place of each `$` that refers to no variable assigned on an earlier line: dotenvy would take it and
/// the word after it away (`ab$cd12` would be `ab`), or read the environment.
fn protect_dollars(text: &[u8]) -> Vec<u8> {
    let mut protected = Vec::with_capacity(text.len());
    let mut assigned: Vec<&[u8]> = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let mut rest = line;
        while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            protected.extend_from_slice(before);
            let named = match after.strip_prefix(b"{") {
                Some(braced) => word(braced).filter(|name| braced.get(name.len()) == Some(&b'}')),
                None => word(after),
            };
            // dotenvy knows `\$`, and not a backslash before another character.
            if before.ends_with(b"\\") || named.is_some_and(|name| assigned.contains(&name)) {
                protected.push(b'$');
            } else {
                protected.extend_from_slice(DOLLAR.encode_utf8(&mut [0; 4]).as_bytes());
            }
            rest = after;
        }
        protected.extend_from_slice(rest);
        let line = line.trim_ascii_start();
        let line = line.strip_prefix(b"export ").unwrap_or(line).trim_ascii_start();
        assigned.extend(word(line).filter(|name| line[name.len()..].trim_ascii_start().starts_with(b"=")));
    }
    protected
}

/// The name that a text begins with.
fn word(text: &[u8]) -> Option<&[u8]> {
    let end =
        text.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

/// Hands out at most one line per read and counts them: the parser, which buffers, then never reads ahead,
/// and the count is the line it is at. Dotenvy itself reports no line numbers.
struct OneLinePerRead<'a> {
    rest: &'a [u8],
    line: &'a Cell<usize>,
}

impl Read for OneLinePerRead<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
        let (now, later) = self.rest.split_at(end.min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.rest = later;
        if now.ends_with(b"\n") {
            self.line.set(self.line.get() + 1);
        }
        Ok(now.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_means_itself_unless_it_names_a_variable_above() {
        let text = "A=ab$cd12\nB=\"${A}x $C ${HOME} \\$A\"\nexport C='$A'\nD=$A$B$E\nE=1\nF=$\n";
        let mut faults = Vec::new();
        let dir = std::env::temp_dir().join(format!("dotenv-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(".env"), text).unwrap();
        let files = DotenvFile::open_all(&dir, None, &mut faults);
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(faults.is_empty());
        let value = |name: &str| files[0].values[name].0.as_str();
        assert_eq!(value("A"), "ab$cd12");
        assert_eq!(value("B"), "ab$cd12x $C ${HOME} $A");
        assert_eq!(value("C"), "$A");
        assert_eq!(value("D"), "ab$cd12ab$cd12x $C ${HOME} $A$E");
        assert_eq!(value("F"), "$");
    }
}
