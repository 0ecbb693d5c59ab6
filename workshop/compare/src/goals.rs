//! What the project wants to cost, and what it does.

use crate::entrants::{ENTRANTS, Entrant, Kind};
use crate::results::{Results, Spread};

/// A goal of one entrant.
#[derive(Clone, Debug)]
pub struct Goal {
    pub what: &'static str,
    pub unit: &'static str,
    pub entrant: &'static str,
    pub most: f64,
    pub measured: Option<Spread>,
}

/// What is compared with what: workload, figure, `bare` or `dressed`, and the goal.
const RATIOS: [(&str, &str, &str, &str, f64); 12] = [
    ("`/health`, processor", "health", "cpu_us", "bare", 1.3),
    (
        "`/health`, processor, by a server that also logs, limits and sets headers",
        "health",
        "cpu_us",
        "dressed",
        1.1,
    ),
    ("cached `/translate`, processor", "translate", "cpu_us", "bare", 1.6),
    ("`/tell-joke`, processor", "joke", "cpu_us", "bare", 1.4),
    ("`/tell-joke/stream`, 50 chunks, processor", "stream", "cpu_us", "bare", 1.3),
    ("`/health`, instructions", "instructions-health", "instructions", "bare", 2.0),
    (
        "`/health`, instructions, by a server that also logs, limits and sets headers",
        "instructions-health",
        "instructions",
        "dressed",
        1.3,
    ),
    ("cached `/translate`, instructions", "instructions-translate", "instructions", "bare", 2.5),
    ("`/tell-joke`, instructions", "instructions-joke", "instructions", "bare", 1.6),
    ("`/tell-joke/stream`, 50 chunks, instructions", "instructions-stream", "instructions", "bare", 1.5),
    ("a chunk's delay, 100 streams, p99", "paced", "delay_p99_us", "bare", 1.3),
    ("memory of an open stream", "open-8000", "kib_per_stream", "bare", 1.3),
];

/// All goals that this run can say something of.
pub fn all(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    let natives = || ENTRANTS.iter().filter(|it| it.kind == Kind::Ours("native") && !it.grpc);
    for (what, workload, figure, floor, most) in RATIOS {
        for entrant in natives() {
            let floor = format!("{floor} {}", entrant.framework);
            let measured = results.ratio(workload, entrant.name, &floor, figure);
            goals.push(Goal { what, unit: "×", entrant: entrant.name, most, measured });
        }
    }
    for (what, workload, figure, most) in [
        ("gRPC `TellJoke`, processor", "grpc-joke", "cpu_us", 1.4),
        ("gRPC `TellJoke`, instructions", "instructions-grpc-joke", "instructions", 1.5),
    ] {
        let measured = results.ratio(workload, "gRPC own port", "bare tonic", figure);
        goals.push(Goal { what, unit: "×", entrant: "gRPC own port", most, measured });
    }
    for entrant in natives() {
        let own = |workload, figure| results.figure(workload, entrant.name, figure);
        let goal = |what, unit, most, measured| Goal { what, unit, entrant: entrant.name, most, measured };
        goals.push(goal("memory of an open stream", "KiB", 40.0, own("open-8000", "kib_per_stream")));
        let start = results.ratio("start", entrant.name, &format!("bare {}", entrant.framework), "start_ms");
        goals.push(goal("start to the first answer", "×", 3.0, start));
        goals.push(goal("memory at rest, all features", "MiB", 12.0, own("start", "idle_mib")));
    }
    goals
}

/// The costliest of our combinations by the cheapest, in processor time.
pub fn worst_by_best(results: &Results, workload: &str) -> Option<(f64, &'static Entrant, &'static Entrant)> {
    let cost = |it: &&'static Entrant| Some((results.figure(workload, it.name, "cpu_us")?.median, *it));
    let mut costs: Vec<_> = ENTRANTS.iter().filter(|it| it.ours()).filter_map(|it| cost(&it)).collect();
    costs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (best, worst) = (costs.first()?, costs.last()?);
    Some((worst.0 / best.0, worst.1, best.1))
}
