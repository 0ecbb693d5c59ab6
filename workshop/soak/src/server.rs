//! The server under load: a process of its own, whose log is read all the time.

use std::io::{BufRead, BufReader, Read};
use std::net::{AddrParseError, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use fake_gemini::{FakeGemini, UPSTREAM_BODY_MARKER};

use crate::records::{Line, Records};
use crate::upstream::{KEY, PROMPT};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(20);

/// `SHUTDOWN_GRACE` of the server.
const GRACE: Duration = Duration::from_secs(3);

/// How many lines of each fault are kept; the rest is counted.
const KEPT: usize = 5;

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    addresses: mpsc::Receiver<Result<SocketAddr, AddrParseError>>,
    stdout: Option<JoinHandle<LogFaults>>,
    stderr: Option<JoinHandle<LogFaults>>,
}

/// What must not be in a log, and was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFaults {
    pub count: u64,
    pub first: Vec<String>,
}

impl Server {
    /// Starts the program on this framework and listener.
    pub fn start(
        program: &Path,
        framework: &str,
        listener: &str,
        fake: &FakeGemini,
        records: Arc<Records>,
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(["--framework", framework, "--server", listener])
            .env_clear()
            .envs([
                ("PORT", "0"),
                ("GRPC_PORT", "0"),
                ("GEMINI_API_KEY", KEY),
                ("GEMINI_BASE_URL", &fake.url()),
                ("MODEL", "googleai/gemini-3-flash"),
                ("RATE_LIMIT_DEFAULT", "1000000/second"),
                ("LLM_TIMEOUT", "2000"),
                ("WEB_CONCURRENCY", "2"),
                ("LOG_LEVEL", "info"),
                ("LOG_FORMAT", "json"),
                ("SHUTDOWN_GRACE", "3"),
                // The faults of the mix would open it, and then every answer were the same.
                ("CB_ENABLED", "false"),
            ])
            // No `.env` of a developer lies there.
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            bail!("the server has no output to read");
        };
        let (tell, addresses) = mpsc::channel();
        let stdout = std::thread::spawn(move || {
            read(stdout, |line| {
                let fault = fault_of_line(line);
                if let Ok(line) = serde_json::from_str::<Line>(line) {
                    if let Some(address) = &line.address {
                        // Nobody listens any more once all that are wanted are known.
                        let _ = tell.send(address.parse());
                    }
                    records.log(&line);
                }
                fault
            })
        });
        // The log is on standard output alone; what comes here is a fault by itself.
        let stderr = std::thread::spawn(|| read(stderr, |_| Some("a line on standard error")));
        Ok(Self { child, addresses, stdout: Some(stdout), stderr: Some(stderr) })
    }

    /// The next address that it says it listens on; REST's is the first.
    pub fn next_address(&mut self) -> anyhow::Result<SocketAddr> {
        let Ok(address) = self.addresses.recv_timeout(START) else {
            self.kill();
            bail!("it ended or said no address within {START:?}; its log: {:?}", self.logs().first);
        };
        address.context("the log says no address")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Tells it to end and waits: its exit code, and how long it took.
    pub async fn end(&mut self) -> anyhow::Result<(Option<i32>, Duration)> {
        // Its process id may already be another's.
        if let Some(status) = self.child.try_wait()? {
            bail!("it had ended before: {status}");
        }
        let told = Instant::now();
        let pid = self.child.id().to_string();
        ensure!(
            Command::new("kill").args(["-s", "TERM", &pid]).status()?.success(),
            "it could not be told to end"
        );
        while told.elapsed() < GRACE + Duration::from_secs(3) {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status.code(), told.elapsed()));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("it did not end within {:?} of SIGTERM", told.elapsed())
    }

    /// Ends it without asking. One that has ended stays so.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The rest of the log, to its end; the server must have ended.
    pub fn logs(&mut self) -> LogFaults {
        let mut faults = LogFaults::default();
        for reader in [self.stdout.take(), self.stderr.take()].into_iter().flatten() {
            match reader.join() {
                Ok(found) => faults.merge(found),
                Err(_) => faults.add("the log's reader panicked", ""),
            }
        }
        faults
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl LogFaults {
    fn add(&mut self, what: &str, line: &str) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(format!("{what}: {line}"));
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(KEPT);
    }
}

fn read(from: impl Read, mut examine: impl FnMut(&str) -> Option<&'static str>) -> LogFaults {
    let mut faults = LogFaults::default();
    for line in BufReader::new(from).lines() {
        // Lines must be read to the end of the pipe, or the server would block; one that is no text is a fault.
        let Ok(line) = line else {
            faults.add("a line that cannot be read", "");
            continue;
        };
        if let Some(what) = examine(&line) {
            faults.add(what, &line);
        }
    }
    faults
}

/// What is wrong with a line of the log.
fn fault_of_line(line: &str) -> Option<&'static str> {
    let secrets =
        [(KEY, "the key"), (PROMPT, "a prompt"), (UPSTREAM_BODY_MARKER, "the model server's words")];
    if let Some((_, what)) = secrets.iter().find(|(it, _)| line.contains(it)) {
        return Some(what);
    }
    match serde_json::from_str::<Line>(line) {
        Ok(line) if line.level == "ERROR" => Some("an error"),
        Ok(_) => None,
        Err(_) => Some("no JSON"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_secrets_and_lines_that_are_no_json_are_faults() {
        let fault = fault_of_line;
        assert_eq!(fault(r#"{"level":"INFO","message":"answered","status":200}"#), None);
        assert_eq!(fault(r#"{"level":"WARN","message":"failed"}"#), None);
        assert_eq!(fault(r#"{"level":"ERROR","message":"panicked"}"#), Some("an error"));
        assert_eq!(fault(&format!(r#"{{"level":"INFO","message":"{PROMPT}-1"}}"#)), Some("a prompt"));
        assert_eq!(fault(&format!(r#"{{"level":"INFO","message":"{KEY}"}}"#)), Some("the key"));
        assert_eq!(fault("thread main panicked"), Some("no JSON"));
    }

    #[test]
    fn every_fault_is_counted_and_the_first_are_kept() {
        let faults = read("x\n".repeat(9).as_bytes(), fault_of_line);
        assert_eq!((faults.count, faults.first.len()), (9, KEPT));
    }
}
