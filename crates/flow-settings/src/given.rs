//! What was given, by whom, and what is wrong with it.
//!
//! Clap stops at the first bad value, so each value is judged alone; the settings are then made of the good
//! ones.

use std::collections::HashMap;
use std::error::Error;
use std::ffi::OsString;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::dotenv::DotenvFile;
use crate::error::{Fault, SettingsError};
use crate::parse;
use crate::setting::{self, Setting};

/// The winning value of each setting that was given, and the faults found so far.
pub struct Given {
    values: HashMap<String, Value>,
    faults: Vec<Fault>,
    warnings: Vec<String>,
}

struct Value {
    setting: Setting,
    text: String,
    origin: String,
    /// How far up the list of priorities: 0 for a flag, growing downwards.
    rank: usize,
}

impl Given {
    /// Looks every setting up: `matches` are those of [`command`](crate::command), dotenv files are in `dir`.
    pub fn new<T: Args>(
        matches: &ArgMatches,
        environment: &dyn Fn(&str) -> Option<String>,
        dir: &Path,
    ) -> Self {
        let env = setting::settings::<T>().find(|it| it.flag() == Some("env"));
        let env = env.and_then(|env| parse::file_name(from_flag(&env, matches)?.trim()).ok());
        let mut faults = Vec::new();
        let files = DotenvFile::open_all(dir, env.as_deref(), &mut faults);
        let find = |setting: Setting| {
            let variable = |lookup: &dyn Fn(&str) -> Option<String>| lookup(setting.variable()?);
            let flag = || Some((from_flag(&setting, matches)?, format!("from --{}", setting.flag()?)));
            let environment = || Some((variable(environment)?, "from the environment".to_owned()));
            let mut found = vec![flag(), environment()];
            found.extend(files.iter().map(|file| {
                let (text, line) = file.values.get(setting.variable()?)?;
                Some((text.clone(), format!("from {}:{line}", file.name)))
            }));
            // Secrets often end in a newline that an editor put there. An empty value counts as not given.
            let given = |(rank, it): (usize, Option<(String, String)>)| {
                let (text, origin) = it?;
                Some((text.trim().to_owned(), origin, rank)).filter(|(text, ..)| !text.is_empty())
            };
            let (text, origin, rank) = found.into_iter().enumerate().find_map(given)?;
            Some((setting.name(), Value { setting, text, origin, rank }))
        };
        let values = setting::settings::<T>().filter_map(find).collect();
        let is_given = |name: &str| {
            environment(name).is_some() || files.iter().any(|file| file.values.contains_key(name))
        };
        Self { values, faults, warnings: warnings::<T>(&is_given) }
    }

    /// The settings, as far as they are good: the default stands in for a bad value, so that what depends on
    /// several settings can be judged as well.
    pub fn settings<T: Args + FromArgMatches>(&mut self) -> Result<T, SettingsError> {
        let mut good = Vec::new();
        for setting in setting::settings::<T>() {
            let Some(value) = self.values.get(&setting.name()) else { continue };
            match value.judge() {
                Ok(args) => good.extend(args),
                Err(why) => self.faults.push(value.fault(why, setting.example())),
            }
        }
        let command = Command::new("").no_binary_name(true);
        let command = command.args(setting::settings::<T>().map(|it| it.typed()));
        Ok(T::from_arg_matches(&command.try_get_matches_from(good)?)?)
    }

    /// Refuses a setting whose value is good by itself, but not together with others.
    pub fn refuse(&mut self, name: &str, why: impl Into<String>) {
        self.faults.extend(self.values.get(name).map(|value| value.fault(why.into(), String::new())));
    }

    /// How far up the list of priorities a setting was given, if it was: 0 is a flag, 1 the environment.
    pub fn rank(&self, name: &str) -> Option<usize> {
        self.values.get(name).map(|value| value.rank)
    }

    /// What is no fault, but probably not what was meant: names that are given, but are not quite a setting's.
    pub fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// The settings, unless there are faults.
    pub fn finish<T>(self, settings: T) -> Result<T, SettingsError> {
        if self.faults.is_empty() { Ok(settings) } else { Err(SettingsError::Invalid(self.faults)) }
    }
}

/// Looks for names that lack an `S` or an underscore of a setting's, or have an `S` too many.
fn warnings<T: Args>(is_given: &dyn Fn(&str) -> bool) -> Vec<String> {
    let known: Vec<_> = setting::settings::<T>().filter_map(|it| it.variable().map(str::to_owned)).collect();
    let mut warnings = Vec::new();
    for name in &known {
        let plural = name.strip_suffix('S').map_or_else(|| format!("{name}S"), str::to_owned);
        for like in [plural, name.replace('_', "")] {
            if !known.contains(&like) && is_given(&like) {
                warnings.push(format!("{like} is no setting and has no effect; {name} is one"));
            }
        }
    }
    warnings
}

fn from_flag(setting: &Setting, matches: &ArgMatches) -> Option<String> {
    setting.flag()?;
    let text = matches.get_one::<OsString>(setting.id())?.to_string_lossy().into_owned();
    (matches.value_source(setting.id()) == Some(ValueSource::CommandLine)).then_some(text)
}

impl Value {
    /// The arguments that mean this value; if it is bad, why.
    fn judge(&self) -> Result<Vec<String>, String> {
        let items = match self.setting.delimiter() {
            Some(delimiter) => parse::items(&self.text, delimiter).collect(),
            None => vec![&*self.text],
        };
        let args: Vec<_> = items.iter().map(|item| format!("--{}={item}", self.setting.id())).collect();
        let command = Command::new("").no_binary_name(true).arg(self.setting.typed());
        match command.try_get_matches_from(&args) {
            Ok(_) if args.is_empty() => Err("names nothing".to_owned()),
            Ok(_) => Ok(args),
            Err(error) => Err(error.source().map_or_else(|| error.kind().to_string(), ToString::to_string)),
        }
    }

    fn fault(&self, why: String, example: String) -> Fault {
        // A URL may have a password before an `@`, and a key behind a `?`.
        let hidden = self.setting.is_secret() || self.text.contains(['@', '?']);
        let (key, origin) = (self.setting.name(), self.origin.clone());
        Fault { key, value: (!hidden).then(|| self.text.clone()), origin, why, example }
    }
}
