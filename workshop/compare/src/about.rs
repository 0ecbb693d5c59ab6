//! Where and of what a run was made, and what stands still.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use procfs::Current;

use crate::entrants::FRAMEWORKS;
use crate::options::Options;
use crate::process::cores;
use crate::results::About;

/// Written by `scripts/compare.sh --builds`, which takes long.
const BUILDS: &str = "workshop/compare/builds.json";

pub fn about(options: &Options, rounds: u32) -> anyhow::Result<About> {
    let version = said(Command::new(&options.program).arg("--version"))?;
    let cpu = procfs::CpuInfo::current().ok();
    let cpu = cpu.and_then(|it| it.model_name(0).map(str::to_owned)).unwrap_or_else(|| "unknown".into());
    let kernel = said(Command::new("uname").arg("-sr")).unwrap_or_default();
    Ok(About {
        version,
        date: said(Command::new("date").args(["-u", "+%Y-%m-%d"]))?,
        machine: format!("{cpu}, {} cores, {kernel}", cores()),
        quick: options.quick,
        rounds,
        ceilings: BTreeMap::new(),
        program_bytes: std::fs::metadata(&options.program)?.len(),
        fixed: fixed()?,
    })
}

/// What stands still, by framework and figure.
pub fn fixed() -> anyhow::Result<BTreeMap<String, BTreeMap<String, f64>>> {
    let mut fixed: BTreeMap<String, BTreeMap<String, f64>> = match std::fs::read(BUILDS) {
        Ok(builds) => serde_json::from_slice(&builds).with_context(|| format!("{BUILDS} is damaged"))?,
        Err(_) => BTreeMap::new(),
    };
    for framework in FRAMEWORKS {
        let figures = fixed.entry(framework.into()).or_default();
        figures.insert(
            "adapter_lines".into(),
            lines(&Path::new("adapters").join(framework).join("src"))? as f64,
        );
        if let Ok(crates) = crates(framework) {
            figures.insert("crates".into(), crates as f64);
        }
    }
    Ok(fixed)
}

fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    anyhow::ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn lines(folder: &Path) -> anyhow::Result<usize> {
    let mut sum = 0;
    for file in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        sum += std::fs::read_to_string(file?.path())?.lines().count();
    }
    Ok(sum)
}

/// What is compiled for this framework with the default features' other parts.
fn crates(framework: &str) -> anyhow::Result<usize> {
    let features = format!("{framework},grpc,telemetry,reflection,docs-ui,dev-ui");
    let tree = said(Command::new("cargo").args([
        "tree",
        "--offline",
        "--prefix",
        "none",
        "--edges",
        "normal,build",
        "--no-default-features",
        "--features",
        &features,
        "--format",
        "{p}",
    ]))?;
    let names: std::collections::BTreeSet<_> = tree.lines().map(|it| it.trim_end_matches(" (*)")).collect();
    Ok(names.len())
}
