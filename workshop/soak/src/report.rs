//! What the person at the terminal sees at the end: how it went.

use std::fmt::Write;

use crate::outcome::Outcome;

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
