//! Documents made from the fields.

use std::fmt::Write as _;

use clap::Args;

use crate::setting::{Setting, settings};

/// Lines to put before and after a group, by its name.
pub type Around<'a> = &'a dyn Fn(&str) -> Option<(String, String)>;

/// Markdown, one table per group.
pub fn markdown<T: Args>(around: Around<'_>) -> String {
    let mut text = String::new();
    let mut groups = Groups::new(around);
    for setting in settings::<T>() {
        if let Some(group) = groups.begin(&setting, &mut text) {
            let _ =
                write!(text, "**{group}**\n\n| Flag | Variable | Default | Meaning |\n|---|---|---|---|\n");
        }
        let value = if setting.is_switch() { String::new() } else { format!(" {}", setting.hint()) };
        let none = || "–".to_owned();
        let flag = setting.flag().map_or_else(none, |flag| code(&format!("--{flag}{value}")));
        let variable = setting.variable().map_or_else(none, code);
        let default = setting.default().map(|value| code(&value) + &unit(&setting));
        let default = default.or(setting.described_default()).unwrap_or_else(none);
        let _ =
            writeln!(text, "| {flag} | {variable} | {default} | {} |", setting.help().replace('|', "\\|"));
    }
    groups.end(&mut text);
    text
}

/// A dotenv file with every variable, explained and commented out, below a comment that says who wrote it.
pub fn example_env<T: Args>(origin: &str, around: Around<'_>) -> String {
    let mut text = format!(
        "# Copy to .env, or to .NAME.env for `--env NAME`, and take the # off the lines to change.\n\
         # A flag wins over the environment, that over .NAME.env, that over .env; an empty value is unset.\n\
         # Quote a value that holds blanks, # or $ with single quotes. Keep secrets out of version control.\n\
         # {origin}\n",
    );
    let mut groups = Groups::new(around);
    for setting in settings::<T>() {
        if let Some(group) = groups.begin(&setting, &mut text) {
            let _ = writeln!(text, "# ---- {group} ----");
        }
        let Some(variable) = setting.variable() else { continue };
        let mut help = setting.help();
        if let Some(default) = setting.described_default() {
            let _ = write!(help, " Default: {default}.");
        }
        if !unit(&setting).is_empty() {
            let _ = write!(help, " In{}.", unit(&setting));
        }
        let _ = write!(text, "\n# {help}\n# {variable}={}\n", setting.example());
    }
    groups.end(&mut text);
    text
}

/// The groups of a document, one after the other.
struct Groups<'a> {
    around: Around<'a>,
    current: String,
    /// The line that ends the current one.
    after: Option<String>,
}

impl<'a> Groups<'a> {
    fn new(around: Around<'a>) -> Self {
        Self { around, current: String::new(), after: None }
    }

    /// The group, if the setting is its first; an empty line and the line before it are written.
    fn begin(&mut self, setting: &Setting, text: &mut String) -> Option<String> {
        if self.current == setting.group() {
            return None;
        }
        self.end(text);
        setting.group().clone_into(&mut self.current);
        if !text.is_empty() {
            text.push('\n');
        }
        let (before, after) = (self.around)(&self.current).unzip();
        if let Some(line) = before {
            let _ = writeln!(text, "{line}");
        }
        self.after = after;
        Some(self.current.clone())
    }

    fn end(&mut self, text: &mut String) {
        if let Some(line) = self.after.take() {
            let _ = write!(text, "\n{line}\n");
        }
    }
}

/// The unit of a number, after a blank.
fn unit(setting: &Setting) -> String {
    match setting.hint() {
        hint @ ("SECONDS" | "MILLISECONDS" | "BYTES") => format!(" {}", hint.to_lowercase()),
        _ => String::new(),
    }
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}
