//! Sentry. The names of the variables are its own.

use clap::Args;
use secrecy::SecretString;

use super::parse::{self, Parsed};

/// Where panics and failures are told.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sentry")]
pub struct SentrySettings {
    /// Address at Sentry that is told of panics and of requests that the server failed. It needs the feature `sentry`.
    ///
    /// Default: nobody is told. Example: `https://KEY@o0.ingest.sentry.io/1`
    #[arg(id = "sentry_dsn", env = "SENTRY_DSN", hide_env_values = true, value_name = "DSN")]
    #[arg(value_parser = dsn)]
    pub dsn: Option<SecretString>,
    /// Name of the environment in events.
    ///
    /// Default: Sentry takes `production`. Example: `staging`
    #[arg(id = "sentry_environment", env = "SENTRY_ENVIRONMENT", value_name = "NAME")]
    #[arg(value_parser = parse::text)]
    pub environment: Option<String>,
    /// Version of this program in events.
    ///
    /// Default: name and version of the package. Example: `shop@1.2.3`
    #[arg(id = "sentry_release", env = "SENTRY_RELEASE", value_name = "NAME", value_parser = parse::text)]
    pub release: Option<String>,
}

fn dsn(text: &str) -> Parsed<SecretString> {
    let why = "must be a DSN as Sentry shows it, such as https://KEY@HOST/NUMBER";
    #[cfg(feature = "sentry")]
    let is_dsn = text.parse::<sentry::types::Dsn>().is_ok();
    #[cfg(not(feature = "sentry"))]
    let is_dsn = text.contains('@');
    parse::secret(text).ok().filter(|_| is_dsn).ok_or(why)
}
