//! Settings of a program that is not ours. Dotenv files are tried with the application's.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::Path;

use clap::{Args, Command};
use flow_settings::{Given, Setting, SettingsError, command, example_env, markdown, parse, settings};
use secrecy::{ExposeSecret, SecretString};

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
struct Settings {
    /// TCP port to listen on.
    #[arg(long, env = "PORT", value_name = "PORT", default_value = "8080", value_parser = parse::port)]
    port: u16,
    /// Say more.
    #[arg(long, env = "DEBUG")]
    debug: bool,
    /// Names to answer to, by commas.
    ///
    /// Default: any. Example: `a,b`
    #[arg(env = "NAMES", value_name = "NAMES", value_delimiter = ',', value_parser = parse::text)]
    names: Vec<String>,
    /// Key for the model.
    ///
    /// Example: `sk-...`
    #[arg(env = "API_KEY", hide_env_values = true, value_name = "KEY", value_parser = parse::secret)]
    api_key: Option<SecretString>,
}

fn line() -> Command {
    command::<Settings>(Command::new("test"), &|setting| {
        (setting.name() == "PORT").then(|| "noted".to_owned())
    })
}

fn load(args: &[&str], environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let matches = line().try_get_matches_from(["test"].iter().chain(args))?;
    let lookup = |name: &str| environment.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
    let mut given = Given::new::<Settings>(&matches, &lookup, Path::new("/nonexistent"));
    let settings = given.settings()?;
    given.finish(settings)
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_default() {
    assert_eq!(load(&[], &[]).unwrap().port, 8080);
    assert_eq!(load(&[], &[("PORT", "1")]).unwrap().port, 1);
    assert_eq!(load(&["--port", "2"], &[("PORT", "1")]).unwrap().port, 2);
    assert!(!load(&["--debug=no"], &[("DEBUG", "yes")]).unwrap().debug);
}

#[test]
fn blank_is_not_given_and_a_list_drops_what_is_blank_in_it() {
    let settings =
        load(&["--port", ""], &[("NAMES", " a, b,,"), ("API_KEY", "k\n"), ("DEBUG", " ")]).unwrap();
    assert_eq!((settings.port, settings.names, settings.debug), (8080, vec!["a".into(), "b".into()], false));
    assert_eq!(settings.api_key.unwrap().expose_secret(), "k");
}

#[test]
fn all_faults_are_told_at_once_and_no_secret() {
    let environment = [("DEBUG", "maybe"), ("NAMES", ", ,"), ("API_KEY", "hush hush")];
    let error = load(&["--port", "x"], &environment).unwrap_err();
    assert_eq!(error.exit_code(), 64);
    assert_eq!(
        error.to_string(),
        "the settings cannot be used:\
         \n  PORT=\"x\" (from --port): must be a port number, 0 to 65535; for example 8080\
         \n  DEBUG=\"maybe\" (from the environment): must be true or false; for example false\
         \n  NAMES=\", ,\" (from the environment): names nothing; for example a,b\
         \n  API_KEY (from the environment): must be visible ASCII without blanks; for example sk-..."
    );
    assert!(!format!("{error:?}").contains("hush"));
}

#[test]
fn what_settings_refuse_together_is_told_with_where_it_came_from() {
    let matches = line().try_get_matches_from(["test", "--port", "80"]).unwrap();
    let mut given = Given::new::<Settings>(&matches, &|_| None, Path::new("/nonexistent"));
    assert_eq!((given.rank("PORT"), given.rank("DEBUG")), (Some(0), None));
    given.refuse("PORT", "needs DEBUG");
    given.refuse("DEBUG", "was never given");
    let error = given.finish(()).unwrap_err();
    assert_eq!(error.to_string(), "the settings cannot be used:\n  PORT=\"80\" (from --port): needs DEBUG");
}

#[test]
fn help_and_documents_say_what_the_fields_say() {
    let help = line().render_help().to_string();
    for text in
        ["Server:", "--port <PORT>", "TCP port to listen on. [noted]", "[env: PORT]", "[default: 8080]"]
    {
        assert!(help.contains(text), "{text} is not in:\n{help}");
    }
    assert!(
        help.contains("NAMES=<NAMES>\n          Names to answer to, by commas. [default: any]"),
        "{help}"
    );
    assert!(markdown::<Settings>(&|_| None).contains("| `--debug` | `DEBUG` | `false` | Say more. |"));
    assert!(
        markdown::<Settings>(&|_| None).contains("| – | `NAMES` | any | Names to answer to, by commas. |")
    );
    let example = example_env::<Settings>("Made by hand.", &|_| None);
    assert!(example.contains("\n# Names to answer to, by commas. Default: any.\n# NAMES=a,b\n"), "{example}");
    let around = |group: &str| Some((format!("<!-- {group} -->"), "<!-- end -->".to_owned()));
    let table = markdown::<Settings>(&around);
    assert!(table.starts_with("<!-- ") && table.ends_with(" |\n\n<!-- end -->\n"), "{table}");
    let secrets: Vec<_> = settings::<Settings>().filter(Setting::is_secret).map(|it| it.name()).collect();
    assert_eq!(secrets, ["API_KEY"]);
}

#[test]
fn a_name_that_is_not_quite_a_settings_is_told() {
    let matches = line().try_get_matches_from(["test"]).unwrap();
    let lookup = |name: &str| ["API_KEYS", "APIKEY", "PORT", "HOME"].contains(&name).then(String::new);
    let mut given = Given::new::<Settings>(&matches, &lookup, Path::new("/nonexistent"));
    let told = given.warnings();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|it| it.contains("API_KEY is one")), "{told:?}");
}
