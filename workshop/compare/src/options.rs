//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures each framework, listener and protocol beside servers without the template, and draws the report.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// The measured program: a release build with all features.
    #[arg(long, default_value = "target/release/genkit-endpoints")]
    pub program: PathBuf,
    /// The servers without the template, of the package `bare`.
    #[arg(long, default_value = "target/release/bare")]
    pub bare: PathBuf,
    /// Two minutes: short measurements, one round, one count of instructions. For a look, not for figures.
    #[arg(long)]
    pub quick: bool,
    /// How often all is measured anew; every server is started anew each time.
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// Only workloads whose name has this text.
    #[arg(long)]
    pub only: Option<String>,
    /// No workload whose name has this text.
    #[arg(long)]
    pub except: Option<String>,
    /// Only entrants whose name has this text; the report needs all.
    #[arg(long)]
    pub entrants: Option<String>,
    /// Keeps what `results.json` has of other workloads and entrants, and replaces the rest.
    #[arg(long)]
    pub add: bool,
    /// Keeps the profiles of the counts of instructions in this folder, for `callgrind_annotate`.
    #[arg(long)]
    pub profiles: Option<PathBuf>,
    /// Folder of the report: `comparison.md`, and `comparison/` with the charts and `results.json`.
    #[arg(long, default_value = "docs")]
    pub out: PathBuf,
    /// Measures nothing: draws the report anew from `results.json`.
    #[arg(long)]
    pub redraw: bool,
}
