//! The real program in a process of its own, for tests: started, told to end, looked at from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test's own tool, which fails loudly"
)]

mod log;

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::log::Log;

/// A running program; dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: Log,
    /// Where it serves REST.
    pub address: SocketAddr,
}

impl Process {
    /// Starts it with these arguments, on ports that the system chooses, with these variables and no others, and
    /// waits until it serves.
    pub fn start<V: AsRef<OsStr>>(program: &Path, arguments: &[&str], environment: &[(&str, V)]) -> Self {
        // No `.env` of a developer lies there.
        Self::start_in(&std::env::temp_dir(), program, arguments, environment)
    }

    /// The same in this folder.
    pub fn start_in<V: AsRef<OsStr>>(
        folder: &Path,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, V)],
    ) -> Self {
        let mut child = Command::new(program)
            .args(["--log-format", "json"])
            .args(arguments)
            .env_clear()
            .env("PORT", "0")
            .env("GRPC_PORT", "0") // eject: grpc
            .envs(environment.iter().map(|(name, value)| (name, value.as_ref())))
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let log = Log::read(child.stdout.take().expect("its output is piped"));
        let address = log.find(|line| line["framework"].as_str().and(address(line)));
        Self { child, log, address }
    }

    /// What this finds in a line of the log, written already or still to come.
    pub fn find<T>(&self, found: impl Fn(&Value) -> Option<T>) -> T {
        self.log.find(found)
    }

    /// All that it has logged so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    // eject: grpc
    /// Where it serves gRPC, on a port of its own.
    pub fn grpc(&self) -> SocketAddr {
        self.find(|line| line["encryption"].as_str().and(address(line)))
    }
    // eject: end

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// The most memory it has had, in KiB.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many descriptors it has open: connections, above all.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// The exit code, if it exits within this time.
    pub async fn wait(&mut self, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            if Instant::now() > deadline {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(line: &Value) -> Option<SocketAddr> {
    line["address"].as_str().map(|it| it.parse().expect("the log says an address"))
}
