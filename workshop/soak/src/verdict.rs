//! What a run proves, and what it does not.

use std::time::Duration;

use crate::ledger::Audit;
use crate::server::LogFaults;
use crate::watch::Sample;

/// The share of a run in which memory may grow as it likes.
pub const WARM_UP: f64 = 0.2;
/// After it, memory may grow by so much of what it was after the warm-up …
const GROWTH: f64 = 0.10;
/// … and by so much more, since an allocator gives back late.
const SLACK_KIB: f64 = 8.0 * 1024.0;
/// How many descriptors more than before the load may be open after it.
const SPARE_FDS: usize = 8;

/// One thing that had to be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub name: &'static str,
    pub holds: bool,
    /// The figures behind it.
    pub said: String,
}

fn verdict(name: &'static str, holds: bool, said: String) -> Verdict {
    Verdict { name, holds, said }
}

/// The memory over a run: means of its second and of its last fifth, and the slope after the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    pub early_kib: f64,
    pub late_kib: f64,
    pub max_kib: f64,
    pub slope_kib_per_min: f64,
}

impl Memory {
    /// Nothing, when the run was too short for its fifths.
    pub fn of(samples: &[Sample], seconds: f64) -> Option<Self> {
        let part = |from: f64, to: f64| {
            let within = move |it: &&Sample| it.seconds >= seconds * from && it.seconds < seconds * to;
            samples.iter().filter(within)
        };
        let mean = |from, to| mean(part(from, to).map(|it| kib(it.rss_kib)));
        Some(Self {
            early_kib: mean(WARM_UP, 0.4)?,
            late_kib: mean(0.8, f64::INFINITY)?,
            max_kib: samples.iter().map(|it| kib(it.rss_kib)).fold(0.0, f64::max),
            slope_kib_per_min: slope(part(WARM_UP, f64::INFINITY))? * 60.0,
        })
    }

    fn is_flat(&self) -> bool {
        self.late_kib <= self.early_kib * (1.0 + GROWTH) + SLACK_KIB
    }
}

pub fn memory(memory: Option<&Memory>) -> Verdict {
    const NAME: &str = "RSS is flat";
    let Some(it) = memory else { return verdict(NAME, false, "too few samples".into()) };
    let said = format!(
        "{:.1} MiB in the second fifth, {:.1} MiB in the last, {:+.0} KiB/min",
        it.early_kib / 1024.0,
        it.late_kib / 1024.0,
        it.slope_kib_per_min
    );
    verdict(NAME, it.is_flat(), said)
}

pub fn descriptors(before: usize, after: Option<usize>) -> Verdict {
    const NAME: &str = "descriptors are given back";
    let Some(after) = after else { return verdict(NAME, false, "there is no process to look at".into()) };
    verdict(NAME, after <= before + SPARE_FDS, format!("{before} before, {after} after the load"))
}

pub fn answers(audit: &Audit) -> Verdict {
    let said = format!("{} of {} failed", audit.failed, audit.sent);
    verdict("every answer is right and in time", audit.failed == 0 && audit.sent > 0, said)
}

/// Requests left before any answer may never have reached the server; all others must have, once.
pub fn accounts(audit: &Audit) -> Verdict {
    let adds_up = audit.mismatched == 0 && audit.strange == 0 && audit.unreached <= audit.left_early;
    let total = audit.logged + audit.unreached == audit.sent;
    let said = format!(
        "{} sent = {} in the log + {} left before they arrived; {} disagree, {} lines of nobody",
        audit.sent, audit.logged, audit.unreached, audit.mismatched, audit.strange
    );
    verdict("the log accounts for every request", adds_up && total, said)
}

pub fn log(faults: &LogFaults) -> Verdict {
    verdict("the log holds no error and no secret", faults.count == 0, format!("{} lines", faults.count))
}

/// CONTRACT §1: within a second of the client's leaving, the flow is dropped.
pub fn leaving(audit: &Audit) -> Verdict {
    let said = format!("the last one after {} ms or more", audit.outlived_ms);
    verdict("who leaves is noticed within 1 s", audit.outlived_ms <= 1000, said)
}

pub fn model_calls(left: usize) -> Verdict {
    let said = format!("{left} still run 2 s after the load");
    verdict("no model call outlives its client", left == 0, said)
}

pub fn exit(ended: &anyhow::Result<(Option<i32>, Duration)>) -> Verdict {
    let (holds, said) = match ended {
        Ok((code, took)) => (*code == Some(0), format!("exit code {code:?} {took:.1?} after SIGTERM")),
        Err(error) => (false, error.to_string()),
    };
    verdict("SIGTERM ends it well", holds, said)
}

pub fn alive(died: Option<&anyhow::Error>) -> Verdict {
    let said = died.map_or_else(|| "to the end of the load".to_owned(), ToString::to_string);
    verdict("it lived", died.is_none(), said)
}

#[expect(clippy::cast_precision_loss, reason = "no machine has 2^52 KiB")]
fn kib(kib: u64) -> f64 {
    kib as f64
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), it| (count + 1.0, sum + it));
    (count > 0.0).then_some(sum / count)
}

/// Least squares: KiB per second.
fn slope<'a>(samples: impl Iterator<Item = &'a Sample> + Clone) -> Option<f64> {
    let x = mean(samples.clone().map(|it| it.seconds))?;
    let y = mean(samples.clone().map(|it| kib(it.rss_kib)))?;
    let (mut above, mut below) = (0.0, 0.0);
    for it in samples {
        above += (it.seconds - x) * (kib(it.rss_kib) - y);
        below += (it.seconds - x).powi(2);
    }
    (below > 0.0).then_some(above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rss_kib: impl Fn(u32) -> u64) -> Memory {
        let samples: Vec<_> = (0..100)
            .map(|second| Sample { seconds: second.into(), rss_kib: rss_kib(second), ..Sample::default() })
            .collect();
        Memory::of(&samples, 100.0).unwrap()
    }

    #[test]
    fn a_warm_up_is_no_leak() {
        let warm = run(|second| if second < 20 { 10_000 + u64::from(second) * 2000 } else { 50_000 });
        assert!(memory(Some(&warm)).holds);
        assert!(warm.slope_kib_per_min.abs() < 1e-6, "{warm:?}");
        assert!((warm.early_kib - 50_000.0).abs() < 1e-6);
    }

    #[test]
    fn steady_growth_is_a_leak_and_its_slope_is_told() {
        let leak = run(|second| 50_000 + u64::from(second) * 1000);
        let verdict = memory(Some(&leak));
        assert!(!verdict.holds);
        assert!((leak.slope_kib_per_min - 60_000.0).abs() < 1e-3, "{leak:?}");
        assert!(verdict.said.contains("+60000 KiB/min"), "{}", verdict.said);
        assert!((leak.max_kib - 149_000.0).abs() < 1e-6);
    }

    #[test]
    fn the_limit_is_a_tenth_and_eight_mebibytes() {
        let grown = |by: u64| run(|second| if second < 50 { 100_000 } else { 100_000 + by });
        assert!(memory(Some(&grown(10_000 + 8 * 1024))).holds);
        assert!(!memory(Some(&grown(10_000 + 8 * 1024 + 1))).holds);
    }

    #[test]
    fn a_run_without_its_fifths_proves_nothing() {
        assert!(Memory::of(&[Sample::default()], 100.0).is_none());
        assert!(!memory(None).holds);
    }

    #[test]
    fn descriptors_may_differ_by_a_few() {
        assert!(descriptors(20, Some(28)).holds);
        assert!(!descriptors(20, Some(29)).holds);
        assert!(!descriptors(20, None).holds);
    }

    #[test]
    fn only_requests_left_early_may_be_missing_in_the_log() {
        let books =
            Audit { sent: 10, answered: 8, left_early: 2, logged: 9, unreached: 1, ..Audit::default() };
        assert!(accounts(&books).holds && answers(&books).holds);
        assert!(!accounts(&Audit { logged: 8, ..books.clone() }).holds);
        assert!(!accounts(&Audit { mismatched: 1, ..books.clone() }).holds);
        assert!(!accounts(&Audit { strange: 1, ..books.clone() }).holds);
        assert!(!answers(&Audit { failed: 1, ..books }).holds);
        assert!(!answers(&Audit::default()).holds, "nothing sent proves nothing");
    }

    #[test]
    fn only_zero_is_a_good_exit() {
        let after = Duration::from_secs(1);
        assert!(exit(&Ok((Some(0), after))).holds);
        assert!(!exit(&Ok((None, after))).holds);
        assert!(!exit(&Err(anyhow::anyhow!("it did not end"))).holds);
    }
}
