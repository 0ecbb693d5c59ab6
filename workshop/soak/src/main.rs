//! Soaks a running server: every route, fault and disconnect at full load, for minutes, on each framework.
//!
//! `cargo run --release -p soak -- --seconds 600 --chart soak.svg`, in `workshop/`.
//!
//! The program under test is the real one in a process of its own, its model a fake in this one. Every answer
//! is checked, every request is looked up in the server's own log, and the process is watched from outside.
//! The exit code is 0 only if everything passed.

#![allow(unreachable_pub, reason = "nothing imports a binary")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it reports to whoever started it")]

mod answer;
mod chart;
mod flows;
mod kinds;
mod load;
mod options;
mod outcome;
mod progress;
mod records;
mod report;
mod request;
mod results;
mod rpc;
mod run;
mod server;
mod upstream;
mod watch;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::options::{FRAMEWORKS, Options};

#[tokio::main]
async fn main() -> ExitCode {
    match soak_all(Options::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn soak_all(mut options: Options) -> anyhow::Result<bool> {
    // The server runs elsewhere, so that a relative path would mislead it.
    options.program = options
        .program
        .canonicalize()
        .with_context(|| format!("no program at {}; see --program", options.program.display()))?;
    if options.frameworks.is_empty() {
        options.frameworks = FRAMEWORKS.iter().map(ToString::to_string).collect();
    }
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let listener = options.server.as_str();
    println!(
        "{} s on the {listener} listener, {} clients, --seed {seed}\n",
        options.seconds, options.clients
    );
    let mut outcomes = Vec::new();
    let mut failed = Vec::new();
    for framework in &options.frameworks {
        match run::soak(&options, framework, seed).await {
            Ok(outcome) => {
                println!("{}", report::findings(&outcome));
                let names: Vec<_> =
                    outcome.results.iter().filter(|it| !it.passed).map(|it| it.name).collect();
                if !names.is_empty() {
                    failed.push(format!("{}: {}", outcome.framework, names.join(", ")));
                }
                outcomes.push(outcome);
            }
            Err(error) => {
                println!("{framework}\n  FAIL {error:#}\n");
                failed.push(format!("{framework}: it did not start"));
            }
        }
    }
    if !outcomes.is_empty() {
        println!("{}", report::table(&outcomes));
    }
    if let Some(file) = &options.chart {
        let title =
            format!("{} s at full load, {} clients, {listener} listener", options.seconds, options.clients);
        let chart = chart::draw(&title, &outcomes);
        std::fs::write(file, chart).with_context(|| format!("cannot write {}", file.display()))?;
        println!("Drawn into {}.", file.display());
    }
    if failed.is_empty() {
        println!("All checks passed.");
    } else {
        println!("Failed: {}.", failed.join("; "));
    }
    Ok(failed.is_empty())
}
