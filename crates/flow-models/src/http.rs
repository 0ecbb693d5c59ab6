//! The one HTTP client that all providers share.

use std::time::Duration;

use crate::ProviderSettings;
use flow_runtime::ModelError;

/// A provider that does not accept a connection within this time is not going to answer either.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Shorter than the idle limit of Google's and most others' front ends, so that no request meets a closed connection.
const IDLE_CONNECTION: Duration = Duration::from_secs(55);

/// Notices a dead peer behind a connection that looks open.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Builds the client. Nothing is asked of any provider yet.
pub(crate) fn client(settings: &ProviderSettings) -> Result<reqwest::Client, ModelError> {
    reqwest::Client::builder()
        .user_agent(concat!("genkit-endpoints/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        // A backstop behind our own deadlines. A total timeout is not set here: it would cut long streams.
        .read_timeout(settings.llm_timeout)
        .pool_max_idle_per_host(settings.pool_max_idle)
        .pool_idle_timeout(IDLE_CONNECTION)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEP_ALIVE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_while_idle(true)
        // A redirect would carry the key to wherever it points, and the environment's proxy variables
        // would make a server talk to a host that its settings do not name.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|_| ModelError::internal("the HTTP client could not be built"))
}
