//! Where values come from, which of them wins, and the faults found on the way.

use std::fmt;
use std::path::Path;

use super::cli::Flags;
use super::dotenv::DotenvFile;
use super::error::Fault;
use super::parse;
use super::table::{Fallback, SETTINGS, Setting};

/// Flags, environment and dotenv files, as one lookup.
pub(super) struct Sources<'a> {
    flags: Flags,
    environment: &'a dyn Fn(&str) -> Option<String>,
    /// The winning one first.
    files: Vec<DotenvFile>,
    faults: Vec<Fault>,
    /// `--env`, if it is a name that can stand in a file name.
    pub(super) env: Option<String>,
    #[cfg(test)]
    pub(super) asked: Vec<&'static str>,
}

impl<'a> Sources<'a> {
    pub(super) fn open(flags: Flags, environment: &'a dyn Fn(&str) -> Option<String>, dir: &Path) -> Self {
        let mut sources = Self {
            flags,
            environment,
            files: Vec::new(),
            faults: Vec::new(),
            env: None,
            #[cfg(test)]
            asked: Vec::new(),
        };
        sources.env = sources.optional("env", parse::environment_name);
        if let Some(env) = &sources.env {
            let name = format!(".{env}.env");
            let before = sources.faults.len();
            match DotenvFile::open(dir, name.clone(), &mut sources.faults) {
                Some(file) => sources.files.push(file),
                // A file that exists but cannot be read has already been reported.
                None if sources.faults.len() > before => {}
                None => sources.faults.push(Fault {
                    key: name,
                    value: None,
                    origin: format!("from --env {env}"),
                    why: format!("there is no such file in {}", dir.display()),
                    example: "",
                }),
            }
        }
        sources.files.extend(DotenvFile::open(dir, ".env".to_owned(), &mut sources.faults));
        sources
    }

    /// How many faults were found so far.
    pub(super) fn faults(&self) -> usize {
        self.faults.len()
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// A setting that has a default in the table.
    pub(super) fn value<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        if let Some(value) = self.optional(name, &parse) {
            return value;
        }
        // After a fault the default stands in, only so that the remaining settings are judged as well.
        let default = row(name).and_then(|setting| match setting.fallback {
            Fallback::Value(text) => parse(text).ok(),
            _ => None,
        });
        #[expect(clippy::panic, reason = "the table is a constant, and a test reads every default in it")]
        default.unwrap_or_else(|| panic!("the table has no valid default for {name}"))
    }

    /// A setting that may be absent.
    pub(super) fn optional<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        #[expect(clippy::panic, reason = "the table is a constant, and a test reads every name")]
        let setting = row(name).unwrap_or_else(|| panic!("the table has no row {name}"));
        #[cfg(test)]
        self.asked.push(setting.name());
        let (text, origin) = self.find(setting)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(why) => {
                // An `@` in a URL may have a password before it.
                let hidden = setting.secret || text.contains('@');
                let key = match setting.variable {
                    Some(variable) => variable.to_owned(),
                    None => format!("--{}", setting.name()),
                };
                let value = (!hidden).then_some(text);
                self.faults.push(Fault {
                    key,
                    value,
                    origin: origin.to_string(),
                    why,
                    example: setting.example,
                });
                None
            }
        }
    }

    /// A comma-separated setting; absent, and without a default, it is empty.
    pub(super) fn list<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let all = |text: &str| {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            items.map(&parse).collect::<Result<Vec<T>, String>>()
        };
        match row(name).map(|setting| setting.fallback) {
            Some(Fallback::Value(_)) => self.value(name, all),
            _ => self.optional(name, all).unwrap_or_default(),
        }
    }

    /// Refuses a setting whose value is good by itself, but not together with others.
    pub(super) fn refuse(&mut self, name: &str, why: impl Into<String>) {
        let Some(setting) = row(name) else { return };
        let Some((text, origin)) = self.find(setting) else { return };
        let (origin, value) = (origin.to_string(), (!setting.secret).then_some(text));
        self.faults.push(Fault { key: name.to_owned(), value, origin, why: why.into(), example: "" });
    }

    /// Whether the platform is Cloud Run, which says so itself. No setting: nobody else should.
    pub(super) fn is_cloud_run(&self) -> bool {
        (self.environment)("K_SERVICE").is_some()
    }

    /// Whether a setting is given anywhere.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.rank(name) < usize::MAX
    }

    /// How far up the list of priorities a setting was given: 0 for a flag, growing downwards.
    pub(super) fn rank(&self, name: &str) -> usize {
        match row(name).and_then(|setting| self.find(setting)) {
            Some((_, Origin::Flag(_))) => 0,
            Some((_, Origin::Environment)) => 1,
            Some((_, Origin::File(file, _))) => {
                2 + self.files.iter().position(|other| other.name == file).unwrap_or(0)
            }
            None => usize::MAX,
        }
    }

    /// The winning value, trimmed: secrets often end in a newline that an editor put there. An empty one
    /// counts as not given.
    fn find(&self, setting: &Setting) -> Option<(String, Origin<'_>)> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let flag = setting.flag.and_then(|flag| Some((given(self.flags.get(flag)?)?, Origin::Flag(flag))));
        let variable = setting.variable;
        flag.or_else(|| Some((given(&(self.environment)(variable?)?)?, Origin::Environment))).or_else(|| {
            self.files.iter().find_map(|file| {
                let (text, line) = file.get(variable?)?;
                Some((given(text)?, Origin::File(&file.name, line)))
            })
        })
    }
}

#[derive(Clone, Copy)]
enum Origin<'a> {
    Flag(&'a str),
    Environment,
    File(&'a str, usize),
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "from --{flag}"),
            Self::Environment => f.write_str("from the environment"),
            Self::File(file, line) => write!(f, "from {file}:{line}"),
        }
    }
}

fn row(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name() == name)
}
