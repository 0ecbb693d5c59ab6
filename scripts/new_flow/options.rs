//! The command line.

/// What to do.
pub enum Action {
    Help,
    Add(Options),
}

/// Which flow to add.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    pub name: String,
    pub stream: bool,
    pub grpc: bool, // eject: grpc
    pub dry_run: bool,
}

const HELP: &[&str] = &[
    "\
Adds a flow, as docs/add-a-flow.md tells, from the code on that page. It works at once; you change it from there.

  scripts/new_flow.sh NAME [OPTION…]

  NAME        the flow's name: small letters, digits and single _, such as suggest_recipe; its route is
              /suggest-recipe, or with --stream /suggest-recipe/stream
  --stream    it answers with a stream of text; else with an object, and its answers are cached
",
    // eject: grpc
    "  --grpc      refuses where there is no gRPC; where there is, every flow is also a procedure, since a test wants it
",
    // eject: end
    "  --dry-run   only says what would change
  --help      this text

Exit code: 0 when it was added; 64 for bad arguments or a name that is taken; 65 when the page, or a place in the code
that the page names, cannot be found; 74 when a file cannot be written. Nothing is changed then.
",
];

/// How it is used.
pub fn help() -> String {
    HELP.concat()
}

/// Reads the arguments. An error is the list of all that is wrong.
pub fn parse(arguments: &[String]) -> Result<Action, Vec<String>> {
    let mut options = Options::default();
    let mut names = Vec::new();
    let mut faults = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Action::Help),
            "--stream" => options.stream = true,
            "--grpc" => options.grpc = true, // eject: grpc
            "--dry-run" => options.dry_run = true,
            other if other.starts_with('-') => {
                faults.push(format!("There is no option {other}; --help says which there are."));
            }
            name => names.push(name.to_owned()),
        }
    }
    match <[String; 1]>::try_from(names) {
        Ok([name]) => options.name = name,
        Err(names) if names.is_empty() => faults.push("The name is missing; --help says more.".into()),
        Err(names) => faults.push(format!("One name at a time, not {}.", names.join(" "))),
    }
    if faults.is_empty() { Ok(Action::Add(options)) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, Vec<String>> {
        let arguments: Vec<String> = line.split_whitespace().map(Into::into).collect();
        match parse(&arguments)? {
            Action::Add(options) => Ok(options),
            Action::Help => panic!("help"),
        }
    }

    #[test]
    fn options_stand_before_or_after_the_name() {
        let options = parsed("--stream a_b --dry-run").unwrap();
        assert_eq!((&*options.name, options.stream, options.dry_run), ("a_b", true, true));
        assert_eq!(parsed("a_b").unwrap(), Options { name: "a_b".into(), ..Options::default() });
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        assert_eq!(parsed("a b --rocket --fuel").unwrap_err().len(), 3);
        assert_eq!(parsed("").unwrap_err().len(), 1);
    }
}
