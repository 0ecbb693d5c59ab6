//! A measured server: a process of its own, on a core of its own where there is more than one.
//!
//! The tests' `harness` keeps the log to look into it; this one reads it and forgets it, since a run has millions of lines.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context;
use procfs::Current;
use procfs::process::Process as Proc;
use serde_json::Value;

/// How long a server may take to start; under valgrind it takes seconds.
const START: Duration = Duration::from_mins(1);

/// A running server; dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    addresses: mpsc::Receiver<SocketAddr>,
    proc: Proc,
    first: Option<SocketAddr>,
}

/// How to start one.
#[derive(Clone, Debug, Default)]
pub struct Start {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Programs that start it, such as valgrind, with their arguments.
    pub under: Vec<String>,
}

impl Process {
    pub fn start(start: &Start) -> anyhow::Result<Self> {
        let mut line: Vec<&str> = Vec::new();
        if cores() > 1 {
            line.extend(["taskset", "-c", "0"]);
        }
        line.extend(start.under.iter().map(String::as_str));
        let program = path(&start.program)?;
        line.push(program);
        let mut child = Command::new(line[0])
            .args(&line[1..])
            .args(&start.arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(start.environment.iter().map(|(name, value)| (name, value)))
            // No `.env` of a developer lies there.
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", line[0]))?;
        let proc = Proc::new(i32::try_from(child.id())?)?;
        let (tell, addresses) = mpsc::channel();
        let output = child.stdout.take().context("its output is piped")?;
        std::thread::spawn(move || {
            // All is read, so that the server never waits for somebody to read its log.
            let mut lines = BufReader::with_capacity(1 << 16, output);
            let mut line = Vec::new();
            while matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
                if line.windows(9).any(|it| it == b"\"address\"") {
                    let said = serde_json::from_slice::<Value>(&line).ok();
                    let address = said.and_then(|it| it.get("address")?.as_str()?.parse().ok());
                    address.map(|it| tell.send(it));
                }
                line.clear();
            }
        });
        let first = addresses.recv_timeout(START).ok();
        let mut process = Self { child, addresses, proc, first };
        if process.first.is_none() {
            let ended = process.child.try_wait()?;
            anyhow::bail!("{} said no address within {START:?} ({ended:?})", line.join(" "));
        }
        Ok(process)
    }

    /// The addresses that it says it listens on, one after the other; REST's is the first.
    pub fn next_address(&mut self) -> anyhow::Result<SocketAddr> {
        match self.first.take() {
            Some(address) => Ok(address),
            None => self.addresses.recv_timeout(START).context("it says no further address"),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processor's time of all its threads so far, in microseconds.
    pub fn cpu_us(&self) -> anyhow::Result<f64> {
        cpu_us(&self.proc)
    }

    /// Resident memory in KiB.
    pub fn rss_kib(&self) -> anyhow::Result<f64> {
        let kib = self.proc.status()?.vmrss.context("the server has ended")?;
        #[expect(clippy::cast_precision_loss, reason = "no machine has 2^52 KiB")]
        Ok(kib as f64)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same for this process, which is the load and the model.
pub fn own_cpu_us() -> anyhow::Result<f64> {
    cpu_us(&Proc::myself()?)
}

/// `/proc/PID/stat` counts in hundredths of a second; the scheduler counts in nanoseconds, but for each thread.
fn cpu_us(process: &Proc) -> anyhow::Result<f64> {
    let mut sum = 0;
    for task in process.tasks()? {
        // A thread may end between the two looks.
        if let Ok(stat) = task?.schedstat() {
            sum += stat.sum_exec_runtime;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "no process runs for 2^52 ns")]
    Ok(sum as f64 / 1000.0)
}

/// Processors of the machine, and not those that this process was pinned to.
pub fn cores() -> usize {
    procfs::CpuInfo::current().map_or(1, |it| it.num_cores())
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is no text")
}
