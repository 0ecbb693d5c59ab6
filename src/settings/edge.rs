//! What a request must satisfy before a flow sees it.

use std::time::Duration;

use clap::Args;
use flow_edge::edge::{ApiKeys, RateLimit, TrustedProxy};
use flow_settings::Given;

use super::parse;

/// What a request must satisfy before a flow sees it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Edge")]
pub struct EdgeSettings {
    /// Time a call may take until it is a 504.
    #[arg(long, env = "REQUEST_TIMEOUT", value_name = "SECONDS")]
    #[arg(default_value = "120", value_parser = parse::seconds)]
    pub request_timeout: Duration,
    /// Largest request body; beyond it, 413.
    #[arg(long, env = "MAX_BODY_SIZE", value_name = "BYTES")]
    #[arg(default_value = "1048576", value_parser = parse::positive::<usize>)]
    pub max_body_size: usize,
    /// Calls a client may make a second, minute, hour or day.
    #[arg(long, env = "RATE_LIMIT_DEFAULT", value_name = "COUNT/PERIOD", default_value = "60/minute")]
    pub rate_limit: RateLimit,
    /// `Host` values to accept, by commas; `*.example.com` for subdomains.
    ///
    /// Default: any. Example: `api.example.com,localhost`
    #[arg(env = "TRUSTED_HOSTS", value_name = "HOSTS")]
    #[arg(value_delimiter = ',', value_parser = parse::trusted_host)]
    pub trusted_hosts: Vec<String>,
    /// Whose X-Forwarded-For counts, by commas: networks, or `platform` for whoever connects.
    ///
    /// Default: none; on Cloud Run `platform`. Example: `10.0.0.0/8,2001:db8::1`
    #[arg(env = "TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',')]
    pub trusted_proxies: Vec<TrustedProxy>,
    /// SHA-256 of each accepted key (`printf %s KEY | sha256sum`), by commas.
    ///
    /// Default: no key is asked for. Example: `64-hexadecimal-digits,64-hexadecimal-digits`
    #[arg(env = "API_KEYS", hide_env_values = true, value_name = "HASHES", value_parser = parse::key_hashes)]
    pub api_keys: Option<ApiKeys>,
    /// Origins browsers may call from, by commas, or `*`.
    ///
    /// Default: same origin only; in debug `*`. Example: `https://app.example.com`
    #[arg(env = "CORS_ALLOWED_ORIGINS", value_name = "ORIGINS")]
    #[arg(value_delimiter = ',', value_parser = parse::origin)]
    pub cors_origins: Vec<String>,
    /// Methods a preflight allows, by commas.
    #[arg(env = "CORS_ALLOWED_METHODS", value_name = "METHODS")]
    #[arg(value_delimiter = ',', value_parser = parse::token)]
    #[arg(default_value = "GET,POST,OPTIONS")]
    pub cors_methods: Vec<String>,
    /// Request headers a preflight allows, by commas.
    #[arg(env = "CORS_ALLOWED_HEADERS", value_name = "HEADERS")]
    #[arg(value_delimiter = ',', value_parser = parse::token)]
    #[arg(default_value = "Content-Type,Authorization,X-Request-ID")]
    pub cors_headers: Vec<String>,
    /// How long browsers that came by HTTPS insist on it; 0 says nothing.
    #[arg(env = "HSTS_MAX_AGE", value_name = "SECONDS")]
    #[arg(default_value = "31536000", value_parser = parse::seconds_or_zero)]
    pub hsts_max_age: Duration,
    /// Smallest answer that is compressed; streams never are.
    #[arg(env = "GZIP_MIN_SIZE", value_name = "BYTES", default_value = "500", value_parser = parse::count)]
    pub gzip_min_size: usize,
}

impl EdgeSettings {
    /// On Cloud Run only the platform can connect, and it appends the client's address. It says itself that it
    /// is Cloud Run, by a variable that is no setting. Knative in a cluster of one's own says the same, and
    /// Kubernetes beside it: there neighbours can connect, too.
    pub(super) fn check(&mut self, given: &Given, environment: &dyn Fn(&str) -> Option<String>) {
        let is_cloud_run =
            environment("K_SERVICE").is_some() && environment("KUBERNETES_SERVICE_HOST").is_none();
        if is_cloud_run && given.rank("TRUSTED_PROXIES").is_none() {
            self.trusted_proxies = vec![TrustedProxy::Platform];
        }
    }
}
