//! What the server's process uses, second by second.

use std::time::Duration;

use procfs::process::Process;

/// One look at the process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Since the load began.
    pub seconds: f64,
    /// Resident memory.
    pub rss_kib: u64,
    /// Open file descriptors.
    pub fds: usize,
    /// Requests sent so far.
    pub requests: u64,
}

/// The process as the kernel shows it.
#[derive(Debug)]
pub struct Watched(Process);

impl Watched {
    pub fn new(pid: u32) -> anyhow::Result<Self> {
        Ok(Self(Process::new(i32::try_from(pid)?)?))
    }

    pub fn rss_kib(&self) -> anyhow::Result<u64> {
        self.0.status()?.vmrss.ok_or_else(|| anyhow::anyhow!("the process has ended"))
    }

    pub fn fds(&self) -> anyhow::Result<usize> {
        Ok(self.0.fd_count()?)
    }

    pub fn sample(&self, since_start: Duration, requests: u64) -> anyhow::Result<Sample> {
        let seconds = since_start.as_secs_f64();
        Ok(Sample { seconds, rss_kib: self.rss_kib()?, fds: self.fds()?, requests })
    }

    /// CPU time so far, in user and kernel together.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = self.0.stat()?;
        #[expect(clippy::cast_precision_loss, reason = "no process lives for 2^52 ticks")]
        Ok((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_descriptors() {
        let own = Watched::new(std::process::id()).unwrap();
        let before = own.sample(Duration::from_secs(3), 7).unwrap();
        assert!(before.rss_kib > 100 && before.fds > 2, "{before:?}");
        let held: Vec<_> = (0..20).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        assert!(own.fds().unwrap() >= before.fds + held.len());
        assert!(own.cpu_seconds().unwrap() >= 0.0);
    }
}
