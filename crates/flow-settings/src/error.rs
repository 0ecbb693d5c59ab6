//! Why the settings could not be read, as one message that shows no secret.

use std::fmt;
use std::io::{self, Write};

/// `EX_USAGE` of sysexits.h: the command line or the settings are wrong.
pub const USAGE: u8 = 64;

/// No settings: either the command line did not ask for any, or they are wrong.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Clap's answer: a wrong command line, but also `--help` and `--version`.
    #[error(transparent)]
    CommandLine(#[from] clap::Error),
    /// Every setting that cannot be used.
    #[error("{}", listed(.0))]
    Invalid(Vec<Fault>),
}

impl SettingsError {
    /// The process's exit code: 0 after `--help` and `--version`, else 64.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::CommandLine(error) if !error.use_stderr() => 0,
            _ => USAGE,
        }
    }

    /// Shows it: help and version on standard output, faults on standard error.
    pub fn print(&self) -> io::Result<()> {
        match self {
            Self::CommandLine(error) => error.print(),
            Self::Invalid(_) => writeln!(io::stderr(), "error: {self}"),
        }
    }
}

/// One setting or dotenv file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable, or the file.
    pub key: String,
    /// The value, unless it is or may hold a secret.
    pub value: Option<String>,
    /// Where it came from: a flag, the environment, or a file and line.
    pub origin: String,
    /// What is wrong.
    pub why: String,
    /// A good value, if there is one to show.
    pub example: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            // Debug escapes control characters; a long value would bury the reason.
            let shown: String = value.chars().take(60).collect();
            write!(f, "={shown:?}{}", if shown.len() < value.len() { "…" } else { "" })?;
        }
        write!(f, " ({}): {}", self.origin, self.why)?;
        if self.example.is_empty() { Ok(()) } else { write!(f, "; for example {}", self.example) }
    }
}

fn listed(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    format!("the settings cannot be used:{}", lines.concat())
}
