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
        let bytes = match std::fs::read(dir.join(&name)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
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

        let line = Cell::new(0);
        let mut values = HashMap::new();
        for entry in dotenvy::from_read_iter(OneLinePerRead { rest: &text, line: &line }) {
            match entry {
                // The last one wins, as when a shell sources the file.
                Ok((key, value)) => {
                    values.insert(key, (value, line.get()));
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
