//! Finds and starts the program that the checks in `tests/` run.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use harness::Process;

/// The web frameworks of the template.
pub const FRAMEWORKS: [&str; 3] = ["axum", "actix", "poem"];

/// A framework on a listener: `native`, the framework's own, or `hyper`, the project's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Combination {
    /// One of [`FRAMEWORKS`].
    pub framework: &'static str,
    /// What `--server` takes.
    pub listener: &'static str,
}

impl Combination {
    /// All six, or those of the frameworks that the variable `FRAMEWORKS` names, with spaces between them.
    ///
    /// # Panics
    ///
    /// Where it names another.
    #[expect(clippy::disallowed_methods, reason = "whoever runs the checks says here what to check")]
    pub fn all() -> impl Iterator<Item = Self> {
        let named = std::env::var("FRAMEWORKS").unwrap_or_else(|_| FRAMEWORKS.join(" "));
        let named: Vec<_> = named.split_whitespace().collect();
        let known = |name: &&str| FRAMEWORKS.contains(name);
        assert!(
            !named.is_empty() && named.iter().all(known),
            "FRAMEWORKS={named:?}, but there are {FRAMEWORKS:?}"
        );
        let chosen: Vec<_> = FRAMEWORKS.into_iter().filter(|it| named.contains(it)).collect();
        chosen
            .into_iter()
            .flat_map(|framework| ["native", "hyper"].map(|listener| Self { framework, listener }))
    }

    /// A framework on its own listener.
    pub fn native(framework: &'static str) -> Self {
        Self { framework, listener: "native" }
    }

    /// Starts the program with these variables and no others.
    pub fn start<V: AsRef<OsStr>>(self, environment: &[(&str, V)]) -> Process {
        let arguments = ["--framework", self.framework, "--server", self.listener];
        Process::start(&program(), &arguments, environment)
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.framework, self.listener)
    }
}

/// The program under test: `PROGRAM`, or what the project's `cargo build --all-features` leaves.
///
/// # Panics
///
/// Where there is none.
#[expect(clippy::disallowed_methods, reason = "whoever runs the checks says here where the program is")]
#[expect(clippy::panic, reason = "without a program there is nothing to check")]
pub fn program() -> PathBuf {
    let built = || {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
        target.join("debug/genkit-endpoints")
    };
    let path = std::env::var_os("PROGRAM").map_or_else(built, PathBuf::from);
    path.canonicalize().unwrap_or_else(|error| {
        panic!(
            "no program at {} ({error}): run `cargo build --all-features` in the project's folder, or set PROGRAM",
            path.display()
        )
    })
}
