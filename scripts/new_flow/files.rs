//! Files that are read and changed, in memory until all is known to fit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The files by path: what they were, and what they become.
#[derive(Default)]
pub struct Files {
    before: BTreeMap<String, Option<String>>,
    after: BTreeMap<String, String>,
}

impl Files {
    /// The text of a file; none, if there is no such file.
    pub fn text(&mut self, path: &str) -> Option<&str> {
        if let Some(text) = self.after.get(path) {
            return Some(text);
        }
        let before = self.before.entry(path.to_owned()).or_insert_with(|| fs::read_to_string(path).ok());
        before.as_deref()
    }

    pub fn set(&mut self, path: &str, text: String) {
        self.after.insert(path.to_owned(), text);
    }

    /// The paths of what changes, and whether each is new.
    pub fn changed(&self) -> impl Iterator<Item = (&String, bool)> {
        self.after.keys().map(|path| (path, self.original(path).is_none()))
    }

    /// Writes them all. After an error they are as they were.
    pub fn write(&self) -> Result<(), String> {
        for (path, text) in &self.after {
            let folder = Path::new(path).parent().unwrap_or(Path::new("."));
            let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
            if let Err(error) = written {
                self.restore();
                return Err(format!("{path}: {error}."));
            }
        }
        Ok(())
    }

    fn restore(&self) {
        for path in self.after.keys() {
            // A file that could not be written may be one that cannot be restored.
            _ = match self.original(path) {
                Some(text) if fs::read_to_string(path).is_ok_and(|it| it == text) => Ok(()),
                Some(text) => fs::write(path, text),
                None => fs::remove_file(path),
            };
        }
    }

    fn original(&self, path: &str) -> Option<&str> {
        self.before.get(path).and_then(Option::as_deref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_everything_as_it_was() {
        let folder = std::env::temp_dir().join(format!("new-flow-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        fs::write(path("a"), "old").unwrap();
        // A folder cannot be created where a file is.
        fs::write(path("c"), "").unwrap();
        let mut files = Files::default();
        for name in ["a", "b", "c/d"] {
            files.text(&path(name));
            files.set(&path(name), "new".into());
        }
        assert!(files.write().unwrap_err().starts_with(&path("c/d")));
        let found = (fs::read_to_string(path("a")).unwrap(), Path::new(&path("b")).exists());
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, ("old".into(), false));
    }
}
