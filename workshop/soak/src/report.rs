//! What the person at the terminal sees: how it goes, and how it went.

use std::fmt::Write;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use crate::run::Outcome;
use crate::watch::Sample;

/// How often a line is written where there is no terminal, in samples of a second each.
const EVERY: usize = 30;

/// How it goes: a bar on a terminal, now and then a line elsewhere.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    framework: String,
    seconds: u64,
}

impl Progress {
    pub fn new(framework: &str, seconds: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(seconds).with_prefix(framework.to_owned());
            let style = ProgressStyle::with_template("{prefix:6} {bar:30} {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, framework: framework.to_owned(), seconds }
    }

    pub fn show(&self, samples: &[Sample]) {
        let Some(now) = samples.last() else { return };
        let rate = rates(&samples[samples.len().saturating_sub(2)..]).last().map_or(0.0, |it| it.1);
        let left = self.seconds.saturating_sub(samples.len() as u64);
        let said =
            format!("{rate:.0} requests/s, {} MiB, {} fds, {left} s left", now.rss_kib / 1024, now.fds);
        match &self.bar {
            Some(bar) => {
                bar.set_message(said);
                bar.set_position(samples.len() as u64);
            }
            None if samples.len().is_multiple_of(EVERY) => eprintln!("{}: {said}", self.framework),
            None => {}
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Requests per second between one sample and the next, at the later one's time.
#[expect(clippy::cast_precision_loss, reason = "no run sends 2^52 requests")]
pub fn rates(samples: &[Sample]) -> Vec<(f64, f64)> {
    let rate = |pair: &[Sample]| {
        let (from, to) = (pair[0], pair[1]);
        let took = (to.seconds - from.seconds).max(f64::EPSILON);
        (to.seconds, to.requests.saturating_sub(from.requests) as f64 / took)
    };
    samples.windows(2).map(rate).collect()
}

/// The figures of all frameworks side by side.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    let mut row = |name: &str, cell: &dyn Fn(&Outcome) -> String| {
        let _ = write!(text, "{name:22}");
        for outcome in outcomes {
            let _ = write!(text, " {:>22}", cell(outcome));
        }
        text.push('\n');
    };
    let mib = |kib: f64| kib / 1024.0;
    row("", &|it| it.framework.clone());
    row("requests", &|it| it.comparison.sent.to_string());
    #[expect(clippy::cast_precision_loss, reason = "no run sends 2^52 requests")]
    row("requests/s", &|it| format!("{:.0}", it.comparison.sent as f64 / it.seconds));
    let mut statuses: Vec<u16> = outcomes.iter().flat_map(|it| it.tally.by_status.keys().copied()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        // All below the statuses of HTTP are gRPC's.
        let name = if status < 100 { format!("  gRPC {status}") } else { format!("  {status}") };
        row(&name, &|it| it.tally.by_status.get(&status).copied().unwrap_or(0).to_string());
    }
    row("  left early", &|it| it.comparison.left_early.to_string());
    let logged = |it: &Outcome| {
        it.comparison.left_logged.iter().map(|(status, n)| format!("{status}×{n}")).collect::<Vec<_>>()
    };
    row("    as logged", &|it| logged(it).join(" "));
    row("  left in a stream", &|it| it.comparison.left_stream.to_string());
    row("  failed", &|it| it.comparison.failed.to_string());
    row("longest outlived", &|it| format!("{} ms", it.comparison.outlived_ms));
    row("slowest answer", &|it| format!("{:.2} s", it.tally.slowest.as_secs_f64()));
    row("RSS early/late/max MiB", &|it| {
        it.memory.map_or_else(String::new, |it| {
            format!("{:.1} / {:.1} / {:.1}", mib(it.early_kib), mib(it.late_kib), mib(it.max_kib))
        })
    });
    row("RSS slope KiB/min", &|it| {
        it.memory.map_or_else(String::new, |it| format!("{:+.0}", it.slope_kib_per_min))
    });
    row("fds before/max/after", &|it| {
        let max = it.samples.iter().map(|it| it.fds).max().unwrap_or_default();
        let after = it.fds_after.map_or_else(|| "?".to_owned(), |it| it.to_string());
        format!("{} / {max} / {after}", it.fds_before)
    });
    row("CPU of the server", &|it| format!("{:.1} s", it.cpu_seconds));
    text
}

/// What was found on one framework: the result of each check, and what failed.
pub fn findings(outcome: &Outcome) -> String {
    let mut text = format!("{}\n", outcome.framework);
    for it in &outcome.results {
        let _ = writeln!(text, "  {} {}: {}", if it.passed { "ok  " } else { "FAIL" }, it.name, it.figures);
    }
    for (what, (count, first)) in &outcome.tally.failures {
        let _ = writeln!(text, "       {count} × {what} (first: {first})");
    }
    for it in outcome.comparison.mismatches.iter().chain(&outcome.log.first) {
        let _ = writeln!(text, "       {it}");
    }
    let counts = outcome.tally.by_kind.iter().map(|(kind, count)| format!("{kind} {count}"));
    let _ = writeln!(text, "  sent: {}", counts.collect::<Vec<_>>().join(", "));
    text
}
