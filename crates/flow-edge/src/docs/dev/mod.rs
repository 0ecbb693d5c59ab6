//! The development page at `/dev`, in debug only: each flow with a form, and the recent traces.
//!
//! The page is a few files without a build step. What it shows is JSON: `/dev/flows` once, `/dev/traces` again and again.
//! Its requests are not in the traces and, above debug, not in the log. No page elsewhere may read them.

#[cfg(feature = "dev-ui")]
pub(super) mod page;

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

/// The page.
pub const HOME: &str = "/dev";

/// The paths of what the page shows: prompts and answers may be among it, so they need a key where flows do.
const DATA: [&str; 2] = ["/dev/flows", "/dev/traces"];

/// The paths of the page, of its files and of what it shows. None where it is not compiled in.
pub const PATHS: &[&str] = if cfg!(feature = "dev-ui") {
    &[
        HOME,
        "/dev/style.css",
        "/dev/main.js",
        "/dev/elements.js",
        "/dev/form.js",
        "/dev/fields.js",
        "/dev/run.js",
        "/dev/commands.js",
        "/dev/traces.js",
        "/dev/waterfall.js",
        "/dev/messages.js",
        DATA[0],
        DATA[1],
    ]
} else {
    &[]
};

/// What the page shows beside the flows.
#[derive(Debug, Default)]
pub struct Dev {
    /// Whether flows are called with an API key.
    pub needs_key: bool,
    /// The recent traces, if they are kept.
    pub traces: Option<Arc<dyn RecentTraces>>,
    /// The flows as remote procedures, once it is known where they are served.
    pub procedures: OnceLock<Procedures>,
}

/// The traces of the last requests.
pub trait RecentTraces: Debug + Send + Sync {
    /// One object for each trace, the newest first.
    fn list(&self) -> Value;

    /// One trace with its spans.
    fn trace(&self, id: &str) -> Option<Value>;
}

/// Where the flows are served as remote procedures.
#[derive(Clone, Copy, Debug)]
pub struct Procedures {
    /// The full name of their service.
    pub service: &'static str,
    /// Their own port, if they have one.
    pub port: Option<u16>,
    /// How the port encrypts: `none`, `TLS` or `mutual TLS`.
    pub encryption: &'static str,
}

/// Whether a path is the page's, of a file of its, or of what it shows.
pub(crate) fn is_own(path: &str) -> bool {
    PATHS.contains(&path)
}

/// Whether a path is read without a key, as browsers read a page: nothing of the flows is in it.
pub(crate) fn is_open(path: &str) -> bool {
    is_own(path) && !DATA.contains(&path)
}

impl Dev {
    /// The flows are served as these procedures, too, if they are. What is said first holds.
    pub fn serves(&self, procedures: Option<Procedures>) {
        if let Some(procedures) = procedures {
            let _ = self.procedures.set(procedures);
        }
    }
}
