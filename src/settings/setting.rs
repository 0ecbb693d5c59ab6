//! What a field says of its setting, for those who show settings and those who judge values.
//!
//! A field's comment is the help; a second paragraph may say `Default: …` in words and `Example: …`, which
//! is shown with faults and in `.example.env` and is the default where there is none.

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Args, Command};

use super::{Settings, parse};

/// One setting.
pub(super) struct Setting {
    /// As the derive made it.
    pub(super) arg: Arg,
}

/// Every setting, in the order of the docs.
pub(super) fn all() -> Vec<Setting> {
    Settings::augment_args(Command::new("")).get_arguments().cloned().map(Setting::new).collect()
}

impl Setting {
    fn new(arg: Arg) -> Self {
        // A switch may also be given a value: `--debug=false` takes back what the environment says.
        let switch = |arg: Arg| arg.num_args(0..=1).require_equals(true).default_missing_value("true");
        let arg = if matches!(arg.get_action(), ArgAction::SetTrue) {
            let arg = switch(arg).action(ArgAction::Set).value_name("BOOL").default_value("false");
            arg.value_parser(parse::boolean)
        } else {
            arg
        };
        Self { arg }
    }

    /// The environment variable, also the key in dotenv files.
    pub(super) fn variable(&self) -> Option<&str> {
        self.arg.get_env()?.to_str()
    }

    /// The flag, without its dashes.
    pub(super) fn flag(&self) -> Option<&str> {
        self.arg.get_long()
    }

    /// How messages call it.
    pub(super) fn name(&self) -> String {
        let flag = || format!("--{}", self.flag().unwrap_or_default());
        self.variable().map_or_else(flag, str::to_owned)
    }

    pub(super) fn group(&self) -> &str {
        self.arg.get_help_heading().unwrap_or_default()
    }

    /// Placeholder for the value.
    pub(super) fn hint(&self) -> &str {
        self.arg.get_value_names().and_then(<[_]>::first).map_or("", |name| name)
    }

    /// Whether the flag may stand alone, meaning `true`.
    pub(super) fn is_switch(&self) -> bool {
        self.arg.is_require_equals_set()
    }

    /// Whether the value must never be shown.
    pub(super) fn is_secret(&self) -> bool {
        self.arg.is_hide_env_values_set()
    }

    /// One sentence for the user.
    pub(super) fn help(&self) -> String {
        self.arg.get_help().map(|help| format!("{help}.")).unwrap_or_default()
    }

    /// The value that holds otherwise.
    pub(super) fn default(&self) -> Option<String> {
        let values = if self.arg.is_hide_default_value_set() { &[] } else { self.arg.get_default_values() };
        values.first().map(|value| value.to_string_lossy().into_owned())
    }

    /// What holds otherwise, where that is worked out at the start.
    pub(super) fn described_default(&self) -> Option<String> {
        Some(self.more().0).filter(|text| !text.is_empty())
    }

    /// A good value.
    pub(super) fn example(&self) -> String {
        self.default().unwrap_or_else(|| self.more().1)
    }

    fn more(&self) -> (String, String) {
        let text = self.arg.get_long_help().map(ToString::to_string).unwrap_or_default();
        let more = text.split_once("\n\n").map_or("", |(_, more)| more);
        let (default, example) = more.split_once("Example: ").unwrap_or((more, ""));
        let default = default.trim().trim_start_matches("Default: ").trim_end_matches('.');
        (default.to_owned(), example.to_owned())
    }

    /// The argument to judge values with: every setting has a flag of its id, and none looks into the
    /// process's environment.
    pub(super) fn judge(&self) -> Arg {
        self.arg.clone().long(self.arg.get_id().to_string()).env(Resettable::Reset)
    }
}
