//! The checks at the end of a run.

use std::time::Duration;

use crate::records::Comparison;
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

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    pub name: &'static str,
    pub passed: bool,
    /// The figures behind it.
    pub figures: String,
}

fn result(name: &'static str, passed: bool, figures: String) -> CheckResult {
    CheckResult { name, passed, figures }
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

pub fn memory(memory: Option<&Memory>) -> CheckResult {
    const NAME: &str = "RSS is flat";
    let Some(it) = memory else { return result(NAME, false, "too few samples".into()) };
    let figures = format!(
        "{:.1} MiB in the second fifth, {:.1} MiB in the last, {:+.0} KiB/min",
        it.early_kib / 1024.0,
        it.late_kib / 1024.0,
        it.slope_kib_per_min
    );
    result(NAME, it.is_flat(), figures)
}

pub fn descriptors(before: usize, after: Option<usize>) -> CheckResult {
    const NAME: &str = "descriptors are given back";
    let Some(after) = after else { return result(NAME, false, "there is no process to look at".into()) };
    result(NAME, after <= before + SPARE_FDS, format!("{before} before, {after} after the load"))
}

pub fn answers(comparison: &Comparison) -> CheckResult {
    let figures = format!("{} of {} failed", comparison.failed, comparison.sent);
    result("every answer is right and in time", comparison.failed == 0 && comparison.sent > 0, figures)
}

/// Requests left before any answer may never have reached the server; all others must have, once.
pub fn accounts(comparison: &Comparison) -> CheckResult {
    let adds_up = comparison.mismatched == 0
        && comparison.unknown == 0
        && comparison.unreached <= comparison.left_early;
    let total = comparison.logged + comparison.unreached == comparison.sent;
    let figures = format!(
        "{} sent = {} in the log + {} left before they arrived; {} disagree, {} lines of unknown requests",
        comparison.sent, comparison.logged, comparison.unreached, comparison.mismatched, comparison.unknown
    );
    result("the log accounts for every request", adds_up && total, figures)
}

pub fn log(faults: &LogFaults) -> CheckResult {
    result("the log holds no error and no secret", faults.count == 0, format!("{} lines", faults.count))
}

/// `docs/contract.md`, "A client that leaves": within a second of the client's leaving, the flow is dropped.
pub fn leaving(comparison: &Comparison) -> CheckResult {
    let figures = format!("the last one after {} ms or more", comparison.outlived_ms);
    result("a client that leaves is noticed within 1 s", comparison.outlived_ms <= 1000, figures)
}

pub fn model_calls(left: usize) -> CheckResult {
    let figures = format!("{left} still run 2 s after the load");
    result("no model call outlives its client", left == 0, figures)
}

pub fn exit(ended: &anyhow::Result<(Option<i32>, Duration)>) -> CheckResult {
    let (passed, figures) = match ended {
        Ok((code, took)) => (*code == Some(0), format!("exit code {code:?} {took:.1?} after SIGTERM")),
        Err(error) => (false, error.to_string()),
    };
    result("SIGTERM ends it with 0", passed, figures)
}

pub fn alive(died: Option<&anyhow::Error>) -> CheckResult {
    let figures = died.map_or_else(|| "it did not end before".to_owned(), ToString::to_string);
    result("it ran to the end", died.is_none(), figures)
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
        assert!(memory(Some(&warm)).passed);
        assert!(warm.slope_kib_per_min.abs() < 1e-6, "{warm:?}");
        assert!((warm.early_kib - 50_000.0).abs() < 1e-6);
    }

    #[test]
    fn steady_growth_is_a_leak_and_its_slope_is_given() {
        let leak = run(|second| 50_000 + u64::from(second) * 1000);
        let result = memory(Some(&leak));
        assert!(!result.passed);
        assert!((leak.slope_kib_per_min - 60_000.0).abs() < 1e-3, "{leak:?}");
        assert!(result.figures.contains("+60000 KiB/min"), "{}", result.figures);
        assert!((leak.max_kib - 149_000.0).abs() < 1e-6);
    }

    #[test]
    fn the_limit_is_a_tenth_and_eight_mebibytes() {
        let grown = |by: u64| run(|second| if second < 50 { 100_000 } else { 100_000 + by });
        assert!(memory(Some(&grown(10_000 + 8 * 1024))).passed);
        assert!(!memory(Some(&grown(10_000 + 8 * 1024 + 1))).passed);
    }

    #[test]
    fn a_run_too_short_for_its_fifths_fails() {
        assert!(Memory::of(&[Sample::default()], 100.0).is_none());
        assert!(!memory(None).passed);
    }

    #[test]
    fn descriptors_may_differ_by_a_few() {
        assert!(descriptors(20, Some(28)).passed);
        assert!(!descriptors(20, Some(29)).passed);
        assert!(!descriptors(20, None).passed);
    }

    #[test]
    fn only_requests_left_early_may_be_missing_in_the_log() {
        let comparison = Comparison {
            sent: 10,
            answered: 8,
            left_early: 2,
            logged: 9,
            unreached: 1,
            ..Comparison::default()
        };
        assert!(accounts(&comparison).passed && answers(&comparison).passed);
        assert!(!accounts(&Comparison { logged: 8, ..comparison.clone() }).passed);
        assert!(!accounts(&Comparison { mismatched: 1, ..comparison.clone() }).passed);
        assert!(!accounts(&Comparison { unknown: 1, ..comparison.clone() }).passed);
        assert!(!answers(&Comparison { failed: 1, ..comparison }).passed);
        assert!(!answers(&Comparison::default()).passed, "where nothing is sent nothing is shown");
    }

    #[test]
    fn only_zero_is_a_good_exit() {
        let after = Duration::from_secs(1);
        assert!(exit(&Ok((Some(0), after))).passed);
        assert!(!exit(&Ok((None, after))).passed);
        assert!(!exit(&Err(anyhow::anyhow!("it did not end"))).passed);
    }
}
