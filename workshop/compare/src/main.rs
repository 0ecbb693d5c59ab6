//! The comparison: the same calls to each framework, listener and protocol, and to servers without the template.
//!
//! `scripts/compare.sh` builds what is measured and starts this; `docs/comparison.md` is what it writes. How it
//! measures, and what its figures cannot say, stands in `method.md`.

#![allow(unreachable_pub, reason = "nothing imports a binary")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it reports to whoever started it")]
#![allow(clippy::cast_precision_loss, reason = "its counts are far below 2^52")]

mod about;
mod call;
mod chart;
mod entrants;
mod goals;
mod load;
mod measure;
mod model;
mod options;
mod process;
mod report;
mod results;
mod streams;
mod workloads;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::entrants::ENTRANTS;
use crate::measure::Bench;
use crate::options::Options;
use crate::results::Results;
use crate::workloads::Times;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match compare(Options::parse()).await {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            eprintln!("Not as it should be:");
            for fault in faults {
                eprintln!("  {fault}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn compare(mut options: Options) -> anyhow::Result<Vec<String>> {
    let file = options.out.join("comparison/results.json");
    let results = if options.redraw {
        let before = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut results: Results = serde_json::from_slice(&before)?;
        results.about.fixed = about::fixed()?;
        std::fs::write(&file, serde_json::to_string(&results)? + "\n")?;
        results
    } else {
        for program in [&mut options.program, &mut options.bare] {
            // It runs in another folder.
            *program =
                program.canonicalize().with_context(|| format!("no program at {}", program.display()))?;
        }
        let mut results = run(&options).await?;
        if options.add {
            let before: Results = serde_json::from_slice(&std::fs::read(&file)?)?;
            results.keep(before);
        }
        std::fs::create_dir_all(options.out.join("comparison"))?;
        std::fs::write(&file, serde_json::to_string(&results)? + "\n")?;
        results
    };
    report::write(&results, &options.out)?;
    println!("Written: {}", options.out.join("comparison.md").display());
    Ok(faults(&results))
}

/// Every round measures all, so that what disturbs a minute does not disturb one entrant alone.
async fn run(options: &Options) -> anyhow::Result<Results> {
    let rounds = if options.quick { 1 } else { options.rounds };
    let mut results = Results { about: about::about(options, rounds)?, ..Results::default() };
    let model = model::start()?;
    let mut bench = Bench { options, model, times: Times::of(options.quick), answers: BTreeMap::new() };
    let named = |name: &str, part: &Option<String>| part.as_ref().is_none_or(|it| name.contains(it.as_str()));
    let mut plan = Vec::new();
    for round in 1..=rounds {
        for workload in workloads::all(options.quick).into_iter().filter(|it| named(it.name, &options.only)) {
            if options.except.as_ref().is_some_and(|it| workload.name.contains(it.as_str())) {
                continue;
            }
            for entrant in ENTRANTS.iter().filter(|it| named(it.name, &options.entrants)) {
                if workload.takes(entrant, options.quick) && round <= workload.rounds(rounds) {
                    plan.push((round, workload.clone(), entrant));
                }
            }
        }
    }
    results.about.ceilings = bench.ceilings().await?;
    let bar = ProgressBar::new(plan.len() as u64);
    let style = "{bar:30} {pos}/{len}, about {eta} left: {msg}";
    bar.set_style(ProgressStyle::with_template(style)?);
    for (round, workload, entrant) in plan {
        bar.set_message(format!("round {round}, {}, {}", workload.name, entrant.name));
        let sample = bench.measure(&workload, entrant, round).await;
        for (why, count) in &sample.failures {
            bar.println(format!("{}, {}: {count} times: {why}", workload.name, entrant.name));
        }
        results.samples.push(sample);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(results)
}

/// What makes a run worthless, far from what its figures should be: it is no timed test.
fn faults(results: &Results) -> Vec<String> {
    let mut faults: Vec<_> = results
        .failures()
        .into_iter()
        .map(|(place, why, count)| format!("{place}: {count} times: {why}"))
        .collect();
    for sample in &results.samples {
        if sample.failures.is_empty() && sample.figures.values().any(|it| !it.is_finite() || *it < 0.0) {
            faults.push(format!("{}, {}: a figure that is none", sample.workload, sample.entrant));
        }
    }
    // A quick run may be of debug builds on a busy machine: only what is absurd counts there.
    let factor = if results.about.quick { 50.0 } else { 5.0 };
    for goal in goals::all(results) {
        if goal.measured.is_some_and(|it| it.median > goal.most * factor) {
            faults.push(format!("{}, {}: more than {factor} times its goal", goal.what, goal.entrant));
        }
    }
    faults
}
