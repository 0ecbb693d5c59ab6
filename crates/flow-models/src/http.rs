//! The HTTP client that all providers share.

use std::time::Duration;

use flow_runtime::ModelError;

use crate::settings::ProviderSettings;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Shorter than the idle limit of Google's and most other front ends, so that no request uses a closed connection.
const IDLE_CONNECTION: Duration = Duration::from_secs(55);

/// How often an idle connection is checked for a dead peer.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Builds the client. Nothing is asked of any provider yet.
pub(crate) fn client(settings: &ProviderSettings) -> Result<reqwest::Client, ModelError> {
    reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(CONNECT_TIMEOUT)
        // The deadlines of `genai_model` come first. A total timeout would cut long streams.
        .read_timeout(settings.llm_timeout)
        .pool_max_idle_per_host(settings.pool_max_idle)
        .pool_idle_timeout(IDLE_CONNECTION)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEP_ALIVE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_while_idle(true)
        // A redirect would send the key to another host, and the environment's proxy variables would make a server
        // connect to a host that its settings do not name.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|_| ModelError::internal("the HTTP client could not be built"))
}
