//! The command line.

use crate::parts::{Kind, Parts};

/// What to do.
pub enum Action {
    Help,
    Check,
    Eject(Options),
}

/// How to eject.
#[derive(Default)]
pub struct Options {
    pub keep: Vec<String>,
    pub drop: Vec<String>,
    /// The sample flows that stay; all, if nothing was said.
    pub flows: Option<Vec<String>>,
    pub name: Option<String>,
    pub dry_run: bool,
    pub verbose: bool,
    pub force: bool,
}

const HELP: &str = "\
Makes this copy a project of your own: drops what you do not want, and the template's own parts, and renames it.

  scripts/eject.sh [--keep NAME…] [--drop NAME…] [--flows none|NAME…] [--name NEW] [OPTION…]
  scripts/eject.sh --check

  --keep NAME…    of the frameworks, only these stay
  --drop NAME…    these go
  --flows NAME…   of the sample flows, only these stay; `none`: one small flow takes their place
  --name NEW      the name of the package and the program: small letters, digits and dashes
  --dry-run       only says what would change, with every file
  --verbose       names every file that is removed or written
  --force         also with uncommitted changes, and with a name that occurs in the text already
  --check         only says whether all marks are in order

Names may be separated by blanks or commas. Without --flows all sample flows stay. docs/eject.md says more.
";

/// The help, with the names that there are.
pub fn help(parts: &Parts) -> String {
    let list = |kind| parts.names(kind).join(" ");
    let mut text = HELP.to_owned();
    let kinds =
        [("frameworks", Kind::Framework), ("other parts", Kind::Option), ("sample flows", Kind::Flow)];
    for (title, kind) in kinds {
        if !list(kind).is_empty() {
            text += &format!("\n{title}: {}", list(kind));
        }
    }
    text + "\n"
}

/// Reads the arguments. An error says which of them is wrong.
pub fn parse(arguments: &[String], parts: &Parts) -> Result<Action, String> {
    let mut options = Options::default();
    let mut rest = arguments.iter().peekable();
    if arguments.is_empty() {
        return Err(format!("Say what to do.\n\n{}", help(parts)));
    }
    while let Some(argument) = rest.next() {
        let (flag, value) = match argument.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        let mut values: Vec<String> = value.into_iter().collect();
        if !matches!(flag, "--dry-run" | "--verbose" | "--force") {
            while let Some(next) = rest.next_if(|it| !it.starts_with('-')) {
                values.push(next.clone());
            }
        }
        let values: Vec<String> =
            values.iter().flat_map(|it| it.split(',')).filter(|it| !it.is_empty()).map(Into::into).collect();
        let takes_values = matches!(flag, "--keep" | "--drop" | "--flows" | "--name");
        if takes_values && values.is_empty() {
            return Err(format!("{flag} needs a value; --help says which."));
        }
        if !takes_values && !values.is_empty() {
            return Err(format!("{:?} is not understood; --help says what is.", values[0]));
        }
        match flag {
            "--help" | "-h" => return Ok(Action::Help),
            "--check" => return Ok(Action::Check),
            "--keep" => options.keep.extend(values),
            "--drop" => options.drop.extend(values),
            "--flows" => options.flows.get_or_insert_default().extend(values),
            "--name" => match <[String; 1]>::try_from(values) {
                Ok([name]) => options.name = Some(name),
                Err(values) => return Err(format!("--name takes one name, not {}.", values.join(" "))),
            },
            "--dry-run" => options.dry_run = true,
            "--verbose" => options.verbose = true,
            "--force" => options.force = true,
            other => return Err(format!("There is no option {other}; --help says which there are.")),
        }
    }
    Ok(Action::Eject(options))
}
