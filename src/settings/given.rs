//! What was given, by whom, and what is wrong with it.
//!
//! Clap stops at the first bad value, so each value is judged alone; the settings are then made of the good
//! ones.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use clap::{Command, FromArgMatches};

use super::Settings;
use super::command::Flags;
use super::dotenv::DotenvFile;
use super::error::{Fault, SettingsError};
use super::parse;
use super::setting::Setting;

/// The winning value of each setting that was given, and the faults found so far.
pub(super) struct Given {
    settings: Vec<Setting>,
    values: HashMap<String, Value>,
    pub(super) faults: Vec<Fault>,
}

struct Value {
    text: String,
    origin: String,
    /// How far up the list of priorities: 0 for a flag, growing downwards.
    rank: usize,
}

impl Given {
    pub(super) fn new(
        settings: Vec<Setting>,
        flags: &Flags,
        environment: &dyn Fn(&str) -> Option<String>,
        dir: &Path,
    ) -> Self {
        let mut faults = Vec::new();
        let env = flags.get("env").filter(|name| parse::environment_name(name.trim()).is_ok());
        let files = DotenvFile::open_all(dir, env.map(|name| name.trim()), &mut faults);
        let find = |setting: &Setting| {
            let flag = || {
                let flag = setting.flag()?;
                given(flags.get(flag)?, format!("from --{flag}"), 0)
            };
            let variable = setting.variable();
            flag().or_else(|| given(&environment(variable?)?, "from the environment".to_owned(), 1)).or_else(
                || {
                    files.iter().enumerate().find_map(|(at, file)| {
                        let (text, line) = file.values.get(variable?)?;
                        given(text, format!("from {}:{line}", file.name), 2 + at)
                    })
                },
            )
        };
        let values = settings.iter().filter_map(|it| Some((it.name(), find(it)?))).collect();
        Self { settings, values, faults }
    }

    /// The settings, as far as they are good: the default stands in for a bad one, so that what depends on
    /// others can be judged as well.
    pub(super) fn settings(&mut self) -> Result<Settings, SettingsError> {
        let mut good = Vec::new();
        for setting in &self.settings {
            let Some(value) = self.values.get(&setting.name()) else { continue };
            match judge(setting, &value.text) {
                Ok(args) => good.extend(args),
                Err(why) => self.faults.push(fault(setting, value, why, setting.example())),
            }
        }
        let command = Command::new("").no_binary_name(true).args(self.settings.iter().map(Setting::judge));
        let matches = command.try_get_matches_from(good)?;
        Ok(Settings::from_arg_matches(&matches)?)
    }

    /// Refuses a setting whose value is good by itself, but not together with others.
    pub(super) fn refuse(&mut self, name: &str, why: impl Into<String>) {
        let setting = self.settings.iter().find(|it| it.name() == name);
        if let (Some(setting), Some(value)) = (setting, self.values.get(name)) {
            self.faults.push(fault(setting, value, why.into(), String::new()));
        }
    }

    /// How far up the list of priorities a setting was given, if it was.
    pub(super) fn rank(&self, name: &str) -> Option<usize> {
        self.values.get(name).map(|value| value.rank)
    }
}

/// Trimmed: secrets often end in a newline that an editor put there. An empty one counts as not given.
fn given(text: &str, origin: String, rank: usize) -> Option<Value> {
    let text = text.trim().to_owned();
    (!text.is_empty()).then_some(Value { text, origin, rank })
}

/// The arguments that mean this value; if it is bad, why.
fn judge(setting: &Setting, text: &str) -> Result<Vec<String>, String> {
    let items = match setting.arg.get_value_delimiter() {
        Some(comma) => parse::items(text, comma).collect(),
        None => vec![text],
    };
    let args: Vec<_> = items.iter().map(|item| format!("--{}={item}", setting.arg.get_id())).collect();
    let command = Command::new("").no_binary_name(true).arg(setting.judge());
    match command.try_get_matches_from(&args) {
        Ok(_) if args.is_empty() => Err("names nothing".to_owned()),
        Ok(_) => Ok(args),
        Err(error) => Err(error.source().map_or_else(|| error.kind().to_string(), ToString::to_string)),
    }
}

fn fault(setting: &Setting, value: &Value, why: String, example: String) -> Fault {
    // An `@` in a URL may have a password before it.
    let hidden = setting.is_secret() || value.text.contains('@');
    let text = (!hidden).then(|| value.text.clone());
    Fault { key: setting.name(), value: text, origin: value.origin.clone(), why, example }
}
