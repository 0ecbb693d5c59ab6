//! Genkit's developer tools. The names of the variables are Genkit's; its command sets most of them.

use clap::{ArgAction, Args};
use secrecy::SecretString;

use super::parse;

/// How Genkit's developer tools find this program, where `GENKIT_ENV` is `dev`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Genkit tools")]
pub struct ReflectionSettings {
    /// Let Genkit's developer tools find this program, where `GENKIT_ENV` is `dev`.
    #[arg(id = "reflection", env = "GENKIT_REFLECTION_ENABLED", value_name = "BOOL")]
    #[arg(default_value = "true", value_parser = parse::boolean, action = ArgAction::Set)]
    pub enabled: bool,
    /// Loopback port for the tools.
    ///
    /// Default: the first free one from 3100. Example: `3110`
    #[arg(id = "reflection_port", env = "GENKIT_REFLECTION_PORT", value_name = "PORT")]
    #[arg(value_parser = parse::port)]
    pub port: Option<u16>,
    /// Id under which the tools know this process.
    ///
    /// Default: its process and its port. Example: `my-program`
    #[arg(env = "GENKIT_RUNTIME_ID", value_name = "ID", value_parser = parse::text)]
    pub runtime_id: Option<String>,
    /// What the tools must send; `genkit` sets it where it knows of it.
    ///
    /// Default: nothing. Example: `some-secret`
    #[arg(id = "reflection_secret", env = "GENKIT_REFLECTION_SECRET_TOKEN", hide_env_values = true)]
    #[arg(value_name = "SECRET", value_parser = parse::secret)]
    pub secret: Option<SecretString>,
    /// WebSocket server of the tools; `genkit` sets it.
    ///
    /// Default: the tools connect to this program. Example: `ws://localhost:3200`
    #[arg(id = "reflection_v2_server", env = "GENKIT_REFLECTION_V2_SERVER", value_name = "URL")]
    #[arg(value_parser = web_socket)]
    pub v2_server: Option<String>,
    /// Server that shows traces in the tools; `genkit` sets it.
    ///
    /// Default: the one that the tools name. Example: `http://localhost:4033`
    #[arg(id = "genkit_telemetry_server", env = "GENKIT_TELEMETRY_SERVER", value_name = "URL")]
    #[arg(value_parser = parse::base_url)]
    pub telemetry_server: Option<String>,
    /// Show spans in the tools as soon as they begin; `genkit` sets it.
    #[arg(id = "genkit_realtime", env = "GENKIT_ENABLE_REALTIME_TELEMETRY", value_name = "BOOL")]
    #[arg(default_value = "false", value_parser = parse::boolean, action = ArgAction::Set)]
    pub realtime: bool,
}

fn web_socket(text: &str) -> parse::Parsed<String> {
    parse::kept(text, text.starts_with("ws://"), "must be an address such as ws://localhost:3200")
}
