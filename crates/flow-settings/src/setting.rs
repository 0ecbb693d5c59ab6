//! What a field says of its setting, and the command line made of all of them.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Args, Command, value_parser};

use crate::parse;

/// What a field says of its setting.
///
/// The comment's first paragraph is the help. A second one may say `Default: …` in words, and `` Example: `…` ``,
/// which is the default where there is none.
pub struct Setting(Arg);

/// Every setting, in the order of the fields.
pub fn settings<T: Args>() -> impl Iterator<Item = Setting> {
    let command = T::augment_args(Command::new(""));
    command.get_arguments().cloned().map(Setting::new).collect::<Vec<_>>().into_iter()
}

/// Adds the flags of all settings to a command. They take any text, which [`Given`](crate::Given) judges
/// together with that of the environment. `note` may add something to a setting's help.
pub fn command<T: Args>(command: Command, note: &dyn Fn(&Setting) -> Option<String>) -> Command {
    let (flags, others): (Vec<_>, Vec<_>) = settings::<T>().partition(|it| it.flag().is_some());
    let mut text = String::from("Only from the environment, `.env` or `.NAME.env`:\n");
    let mut group = "";
    for setting in &others {
        if group != setting.group() {
            group = setting.group();
            let _ = write!(text, "\n{group}:\n");
        }
        let default = setting.default().map(|text| format!(" [default: {text}]")).unwrap_or_default();
        let _ = writeln!(text, "  {}=<{}>", setting.name(), setting.hint());
        let _ = writeln!(text, "          {}{default}", setting.noted_help(note));
    }
    text.push_str("\nA flag wins over the environment, that over `.NAME.env`, that over `.env`.");
    command.args_override_self(true).args(flags.iter().map(|it| it.any_text(note))).after_help(text)
}

impl Setting {
    fn new(arg: Arg) -> Self {
        if !matches!(arg.get_action(), ArgAction::SetTrue) {
            return Self(arg);
        }
        // A switch may also be given a value: `--debug=false` takes back what the environment says.
        let arg = arg.action(ArgAction::Set).num_args(0..=1).require_equals(true).value_name("BOOL");
        Self(arg.default_missing_value("true").default_value("false").value_parser(parse::boolean))
    }

    /// The environment variable, also the key in dotenv files.
    pub fn variable(&self) -> Option<&str> {
        self.0.get_env()?.to_str()
    }

    /// The flag, without its dashes.
    pub fn flag(&self) -> Option<&str> {
        self.0.get_long()
    }

    /// How messages call it: the variable, else the flag.
    pub fn name(&self) -> String {
        let flag = || format!("--{}", self.flag().unwrap_or_default());
        self.variable().map_or_else(flag, str::to_owned)
    }

    /// The heading it stands under.
    pub fn group(&self) -> &str {
        self.0.get_help_heading().unwrap_or_default()
    }

    /// Placeholder for the value.
    pub fn hint(&self) -> &str {
        self.0.get_value_names().and_then(<[_]>::first).map_or("", |name| name)
    }

    /// Whether the flag may stand alone, meaning `true`.
    pub fn is_switch(&self) -> bool {
        self.0.is_require_equals_set()
    }

    /// Whether the value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.0.is_hide_env_values_set()
    }

    /// One sentence for the user.
    pub fn help(&self) -> String {
        self.0.get_help().map(|help| format!("{help}.")).unwrap_or_default()
    }

    /// The value that holds otherwise.
    pub fn default(&self) -> Option<String> {
        let value = self.0.get_default_values().first().filter(|_| !self.0.is_hide_default_value_set())?;
        Some(value.to_string_lossy().into_owned())
    }

    /// What holds otherwise, where that is worked out at the start.
    pub fn described_default(&self) -> Option<String> {
        Some(self.second_paragraph().0).filter(|text| !text.is_empty())
    }

    /// A good value.
    pub fn example(&self) -> String {
        self.default().unwrap_or_else(|| self.second_paragraph().1)
    }

    fn second_paragraph(&self) -> (String, String) {
        let text = self.0.get_long_help().map(ToString::to_string).unwrap_or_default();
        let (_, text) = text.split_once("\n\n").unwrap_or_default();
        let (default, example) = text.split_once("Example: ").unwrap_or((text, ""));
        let default = default.trim().trim_start_matches("Default: ").trim_end_matches('.');
        (default.to_owned(), example.trim_matches('`').to_owned())
    }

    fn noted_help(&self, note: &dyn Fn(&Self) -> Option<String>) -> String {
        let default = self.described_default().map(|text| format!("default: {text}"));
        let notes = note(self).into_iter().chain(default).map(|it| format!(" [{it}]"));
        self.help() + &notes.collect::<String>()
    }

    /// The flag that takes any text. Clap itself adds variable and default to its help.
    fn any_text(&self, note: &dyn Fn(&Self) -> Option<String>) -> Arg {
        let arg = self.0.clone().value_parser(value_parser!(OsString)).value_delimiter(Resettable::Reset);
        let arg = arg.action(ArgAction::Set).hide_env_values(true);
        arg.help(self.noted_help(note)).long_help(Resettable::Reset)
    }

    /// The name by which [`Setting::typed`] takes a value.
    pub(crate) fn id(&self) -> &str {
        self.0.get_id().as_str()
    }

    /// What separates the items of a list.
    pub(crate) fn delimiter(&self) -> Option<char> {
        self.0.get_value_delimiter()
    }

    /// The argument that judges values. It never looks into the process's own environment.
    pub(crate) fn typed(&self) -> Arg {
        self.0.clone().long(self.id().to_owned()).env(Resettable::Reset)
    }
}
