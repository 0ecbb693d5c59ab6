//! Panics, and requests that this server failed, told to Sentry.
//!
//! Only this folder knows Sentry. Without the feature `sentry`, or without `SENTRY_DSN`, nothing is told. An event is made
//! here, of what is known to be harmless: none of Sentry's integrations is on, which would add headers, the machine's
//! name and the text of panics.

#[cfg(feature = "sentry")]
mod client;
#[cfg(feature = "sentry")]
mod teller;

#[cfg(feature = "sentry")]
pub use client::{Guard, join, start};
#[cfg(not(feature = "sentry"))]
pub use off::{Guard, join, start};

/// Nothing is told: settings that name an address have been refused.
#[cfg(not(feature = "sentry"))]
mod off {
    use flow_edge::edge::EdgeConfig;

    use crate::settings::Settings;

    /// There is nothing to keep going.
    #[derive(Debug)]
    pub struct Guard;

    impl Guard {
        /// There is nothing to send.
        pub fn close(&mut self) {}
    }

    /// Tells nothing.
    pub fn start(_: &Settings) -> anyhow::Result<Option<Guard>> {
        Ok(None)
    }

    /// Tells nobody.
    pub fn join(_: &Settings, edge: EdgeConfig) -> EdgeConfig {
        edge
    }
}
