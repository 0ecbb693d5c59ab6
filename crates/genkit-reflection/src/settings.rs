//! Who the tools find, and how.

use std::path::PathBuf;

use secrecy::SecretString;

/// Who the tools find, and how. The variables are those of Genkit's other runtimes; the application reads them.
#[derive(Clone, Debug)]
pub struct ReflectionSettings {
    /// The name that the tools show.
    pub name: String,
    /// The folder that the program was started in, from which the tools find their own.
    pub folder: PathBuf,
    /// The id of this runtime instead of one that is made of its process and its port (`GENKIT_RUNTIME_ID`).
    pub runtime_id: Option<String>,
    /// The port instead of the first free one from 3100 (`GENKIT_REFLECTION_PORT`).
    pub port: Option<u16>,
    /// What the tools must send (`GENKIT_REFLECTION_SECRET_TOKEN`).
    pub secret: Option<SecretString>,
    /// The WebSocket server of the tools, which version 2 of the protocol connects to (`GENKIT_REFLECTION_V2_SERVER`).
    pub v2_server: Option<String>,
}

impl ReflectionSettings {
    /// For a program of this name, started in this folder.
    pub fn new(name: &str, folder: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            folder: folder.into(),
            runtime_id: None,
            port: None,
            secret: None,
            v2_server: None,
        }
    }
}
