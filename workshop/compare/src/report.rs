//! The report: `comparison.md` and its charts.

use std::fmt::Write;
use std::path::Path;

use crate::chart::{Bar, Group, Line, bars, lines};
use crate::entrants::{ENTRANTS, Entrant, FRAMEWORKS, Kind};
use crate::goals;
use crate::results::{Results, Spread};
use crate::workloads::{self, Drive, Workload};

const METHOD: &str = include_str!("../method.md");

/// Written by hand after a run: read it again after the next.
const FINDINGS: &str = include_str!("../findings.md");

/// A figure in a table: its name in the results, its title, what it is divided by, and its digits.
type Column = (&'static str, &'static str, f64, usize);

const CLOSED: [Column; 6] = [
    ("cpu_us", "processor, µs a call", 1.0, 1),
    ("per_second", "calls a second", 1.0, 0),
    ("p50_us", "p50, ms", 1e3, 2),
    ("p99_us", "p99, ms", 1e3, 2),
    ("p999_us", "p99.9, ms", 1e3, 2),
    ("rss_kib", "memory, MiB", 1024.0, 1),
];

const PACED: [Column; 6] = [
    ("first_p50_us", "first chunk, p50, ms", 1e3, 2),
    ("first_p99_us", "p99, ms", 1e3, 2),
    ("delay_p50_us", "delay of a chunk, p50, ms", 1e3, 2),
    ("delay_p99_us", "p99, ms", 1e3, 2),
    ("delay_p999_us", "p99.9, ms", 1e3, 2),
    ("cpu_us", "processor, µs a chunk", 1.0, 1),
];

const OPEN: [Column; 4] = [
    ("kib_per_stream", "memory of a stream, KiB", 1.0, 1),
    ("delay_p50_us", "delay of a chunk, p50, ms", 1e3, 2),
    ("delay_p99_us", "p99, ms", 1e3, 2),
    ("cpu_us", "processor, µs a chunk", 1.0, 1),
];

const STARTS: [Column; 2] =
    [("start_ms", "start to the first answer, ms", 1.0, 1), ("idle_mib", "memory at rest, MiB", 1.0, 1)];

pub fn write(results: &Results, out: &Path) -> anyhow::Result<()> {
    let all = workloads::all(false);
    for (name, svg) in charts(results, &all) {
        std::fs::write(out.join("comparison").join(format!("{name}.svg")), svg)?;
    }
    std::fs::write(out.join("comparison.md"), page(results, &all))?;
    Ok(())
}

fn page(results: &Results, all: &[Workload]) -> String {
    let about = &results.about;
    let mut page = String::from("# Side by side\n\n");
    let _ = writeln!(
        page,
        "<!-- Written by workshop/compare; change method.md there, or measure anew. -->\n\n\
         The same calls to each web framework, listener and protocol of this template, and to servers that give the \
         same answers without the template. Measured on {} with `{}`, release build with all features. Machine: {}. \
         {} rounds.{}\n",
        about.date,
        about.version,
        about.machine,
        about.rounds,
        if about.quick { " **A quick run: its figures mean little.**" } else { "" }
    );
    page.push_str(
        "![Processor time of a call by that of a server without the template, for each framework.](comparison/cost.svg)\n\n",
    );
    page.push_str(METHOD);
    page.push_str("\n## Goals\n\nOurs by the bare server's in the same round: the middle of the rounds, and from the least to the most.\n\n| What | Goal | ");
    let _ = writeln!(page, "Measured |\n|---|---|---|");
    for goal in goals::all(results) {
        let Some(measured) = goal.measured else { continue };
        let _ = writeln!(
            page,
            "| {} ({}) | ≤ {}{} | {}{} |",
            goal.what,
            goal.entrant,
            goal.most,
            unit(goal.unit),
            spread(measured, 1.0, 2),
            if measured.median <= goal.most { "" } else { ", **missed**" }
        );
    }
    page.push_str(
        "\n| Workload | Costliest combination by the cheapest, processor (goal ≤ 1.5) |\n|---|---|\n",
    );
    for workload in all.iter().filter(|it| matches!(it.drive, Drive::Closed(_))) {
        if let Some((ratio, worst, best)) = goals::worst_by_best(results, workload.name) {
            let _ = writeln!(page, "| {} | {ratio:.2} ({} by {}) |", workload.title, worst.name, best.name);
        }
    }
    page.push_str(FINDINGS);
    page.push_str("\n## Each workload\n\n![Processor time a call, for each server.](comparison/cpu.svg)\n\n");
    page.push_str(
        "A figure with ≥ was not limited by the server: it was busy for less than nine tenths of the time, or the load \
         and the model reach hardly more without a server between them.",
    );
    let ceiling = |it: &str| about.ceilings.get(it);
    if let (Some(jokes), Some(streams)) = (ceiling("joke"), ceiling("stream")) {
        let _ = write!(page, " They reach {jokes:.0} whole answers a second, and {streams:.0} streams.");
    }
    page.push('\n');
    for workload in all {
        let columns: &[Column] = match workload.drive {
            Drive::Closed(_) => &CLOSED,
            Drive::Paced(_) => &PACED,
            Drive::Open(_) => &OPEN,
            Drive::Starts => &STARTS,
            Drive::Rates(_) | Drive::Instructions => continue,
        };
        let picture = match workload.name {
            "paced" => "![Delay of a chunk.](comparison/delay.svg)\n\n",
            "open-8000" => "![Memory of an open stream.](comparison/memory.svg)\n\n",
            _ => "",
        };
        table(&mut page, results, workload, columns, picture);
    }
    rates(&mut page, results, all);
    instructions(&mut page, results, all);
    fixed(&mut page, results);
    let failures = results.failures();
    page.push_str("\n## Failures\n\n");
    if failures.is_empty() {
        page.push_str("None: every call that counted had the right status and the right bytes.\n");
    }
    for (place, why, count) in failures {
        let _ = writeln!(page, "- {place}: {count} times: {why}");
    }
    page
}

fn unit(unit: &str) -> String {
    if unit == "×" { String::new() } else { format!(" {unit}") }
}

/// The middle, and where it differs the ends.
fn spread(it: Spread, by: f64, digits: usize) -> String {
    let text = |value: f64| format!("{:.digits$}", value / by);
    let (median, least, most) = (text(it.median), text(it.least), text(it.most));
    if least == most { median } else { format!("{median} ({least}–{most})") }
}

fn table(page: &mut String, results: &Results, workload: &Workload, columns: &[Column], picture: &str) {
    let figure = |entrant: &Entrant, name| results.figure(workload.name, entrant.name, name);
    let measured: Vec<_> = ENTRANTS.iter().filter(|it| figure(it, columns[0].0).is_some()).collect();
    if measured.is_empty() {
        return;
    }
    let titles: Vec<_> = columns.iter().map(|it| it.1).collect();
    let _ = writeln!(
        page,
        "\n### {}\n\n{picture}| | {} |\n|---|{}",
        workload.title,
        titles.join(" | "),
        "--:|".repeat(columns.len())
    );
    for entrant in measured {
        let ceiling = results.about.ceilings.get(workload.name).copied().unwrap_or(f64::MAX);
        let waits = figure(entrant, "server_busy").is_some_and(|it| it.median < 0.9)
            || figure(entrant, "per_second").is_some_and(|it| it.median > 0.8 * ceiling);
        let cells: Vec<_> = columns
            .iter()
            .map(|(name, _, by, digits)| {
                let text = figure(entrant, name).map(|it| spread(it, *by, *digits)).unwrap_or_default();
                if waits && *name == "per_second" { format!("≥ {text}") } else { text }
            })
            .collect();
        let _ = writeln!(page, "| {} | {} |", entrant.name, cells.join(" | "));
    }
}

/// The rates of the results, in order, with the figure at each.
fn over_rates(results: &Results, workload: &str, entrant: &str, figure: &str) -> Vec<(f64, f64)> {
    let names = results.samples.iter().filter(|it| it.workload == workload && it.entrant == entrant);
    let mut rates: Vec<u32> = names
        .flat_map(|it| it.figures.keys())
        .filter_map(|it| it.strip_prefix("reached@")?.parse().ok())
        .collect();
    rates.sort_unstable();
    rates.dedup();
    let at =
        |rate: u32, name: &str| Some(results.figure(workload, entrant, &format!("{name}@{rate}"))?.median);
    // Where the rate was not reached, the calls queue up and the figure says only for how long it was measured.
    let reached = rates.into_iter().filter(|it| at(*it, "reached").is_some_and(|it| it >= 0.95));
    reached.filter_map(|it| Some((f64::from(it), at(it, figure)? / 1e3))).collect()
}

fn rates(page: &mut String, results: &Results, all: &[Workload]) {
    page.push_str("\n## Load against delay\n\n![p99 of a call over the rate of calls.](comparison/rates.svg)\n\nA call counts from when it is due, not from when it is sent. A line ends where the server no longer keeps up.\n");
    for workload in all.iter().filter(|it| matches!(it.drive, Drive::Rates(_))) {
        let _ = writeln!(
            page,
            "\n### {}\n\n| | p50 and p99 in ms, at calls a second |\n|---|---|",
            workload.title
        );
        for entrant in ENTRANTS {
            let points = |figure| over_rates(results, workload.name, entrant.name, figure);
            let cells: Vec<_> = points("p50_us")
                .iter()
                .zip(points("p99_us"))
                .map(|((rate, p50), (_, p99))| format!("{rate}: {p50:.2}, {p99:.2}"))
                .collect();
            if !cells.is_empty() {
                let _ = writeln!(page, "| {} | {} |", entrant.name, cells.join("; "));
            }
        }
    }
}

fn instructions(page: &mut String, results: &Results, all: &[Workload]) {
    let columns: Vec<_> = all.iter().filter(|it| it.drive == Drive::Instructions).collect();
    let titles: Vec<_> = columns.iter().map(|it| it.call.path).collect();
    let _ = writeln!(
        page,
        "\n## Instructions\n\nThousands a call, without the kernel, counted by callgrind: the steadiest figure.\n\n| | {} |\n|---|{}",
        titles.join(" | "),
        "--:|".repeat(columns.len())
    );
    for entrant in ENTRANTS {
        let cell = |it: &&Workload| results.figure(it.name, entrant.name, "instructions");
        let cells: Vec<_> =
            columns.iter().map(|it| cell(it).map(|it| spread(it, 1e3, 1)).unwrap_or_default()).collect();
        if cells.iter().any(|it| !it.is_empty()) {
            let _ = writeln!(page, "| {} | {} |", entrant.name, cells.join(" | "));
        }
    }
}

fn fixed(page: &mut String, results: &Results) {
    let titles = [
        ("adapter_lines", "Lines of the adapter"),
        ("crates", "Crates, with the other default features"),
        ("clean_seconds", "Clean debug build, seconds"),
        ("clean_cpu_seconds", "The same, processor seconds"),
        ("again_seconds", "Debug build after a change of a flow, seconds"),
        ("release_mib", "Release program with it alone, MiB"),
    ];
    page.push_str("\n## What stands still\n\n| | axum | actix | poem |\n|---|--:|--:|--:|\n");
    for (name, title) in titles {
        let cell = |framework: &str| Some(*results.about.fixed.get(framework)?.get(name)?);
        let cells: Vec<_> = FRAMEWORKS.into_iter().map(cell).collect();
        if cells.iter().any(Option::is_some) {
            let digits = usize::from(name.ends_with("mib") || name == "again_seconds");
            let text: Vec<_> =
                cells.iter().map(|it| it.map(|it| format!("{it:.digits$}")).unwrap_or_default()).collect();
            let _ = writeln!(page, "| {title} | {} |", text.join(" | "));
        }
    }
    let _ = writeln!(
        page,
        "\nThe measured program, with all features, has {:.1} MiB. What each framework cannot do: \
         [Choosing a framework](frameworks.md) and [Limits of the listeners](production.md#limits-of-the-listeners).",
        results.about.program_bytes as f64 / 1_048_576.0
    );
}

fn charts(results: &Results, all: &[Workload]) -> Vec<(&'static str, String)> {
    let title = |name: &str| all.iter().find(|it| it.name == name).map_or(name, |it| it.title).to_owned();
    let costs = [("health", 1.3), ("translate", 1.6), ("joke", 1.4), ("stream", 1.3), ("grpc-joke", 1.4)];
    let cost = costs.map(|(workload, goal)| {
        let natives = ENTRANTS.iter().filter(|it| it.kind == Kind::Ours("native"));
        let bar = |it: &Entrant| {
            let value = results.ratio(workload, it.name, it.floor()?.name, "cpu_us")?;
            Some(Bar { label: it.framework.into(), framework: it.framework, fill: "full", value })
        };
        Group { title: title(workload), bars: natives.filter_map(bar).collect(), goal: Some(goal) }
    });
    let group = |workload: &str, figure: &str, by: f64| {
        let bar = |it: &Entrant| {
            let it_is = results.figure(workload, it.name, figure)?;
            let value = Spread { median: it_is.median / by, least: it_is.least / by, most: it_is.most / by };
            let fill = match it.kind {
                Kind::Ours("native") => "full",
                Kind::Ours(_) => "part",
                Kind::Bare | Kind::Dressed => "bare",
            };
            Some(Bar { label: it.name.into(), framework: it.framework, fill, value })
        };
        Group { title: title(workload), bars: ENTRANTS.iter().filter_map(bar).collect(), goal: None }
    };
    let cpu = ["health", "translate", "joke", "stream", "grpc-joke"].map(|it| group(it, "cpu_us", 1.0));
    let panels = ["rates-translate", "rates-joke"].map(|workload| {
        let lines = ENTRANTS.iter().filter(|it| !it.grpc).map(|it| Line {
            label: it.name.into(),
            framework: it.framework,
            bare: !it.ours(),
            points: over_rates(results, workload, it.name, "p99_us"),
        });
        (title(workload), lines.collect())
    });
    vec![
        (
            "cost",
            bars(
                "What the template costs",
                "processor time of a call: ours by that of a bare server of the same framework",
                &cost,
                true,
                2,
            ),
        ),
        (
            "cpu",
            bars(
                "Processor time of a call",
                "µs in user and kernel; shorter is better; the thin line goes from the least to the most of the rounds",
                &cpu,
                false,
                1,
            ),
        ),
        (
            "rates",
            lines(
                "How long the slowest hundredth of calls takes",
                "p99 in ms, logarithmic; dashed: without the template",
                "calls a second",
                &panels,
            ),
        ),
        (
            "delay",
            bars(
                "How much later than the model's a chunk arrives",
                "p99 in ms, 100 streams, a chunk each 20 ms",
                &[group("paced", "delay_p99_us", 1e3)],
                true,
                2,
            ),
        ),
        (
            "memory",
            bars(
                "Memory of an open stream",
                "KiB, with the connections to the client and to the model",
                &[group("open-1000", "kib_per_stream", 1.0), group("open-8000", "kib_per_stream", 1.0)],
                true,
                1,
            ),
        ),
    ]
}
