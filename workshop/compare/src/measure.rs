//! One measurement of one entrant.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::call::{Answer, Call, Connection, DEADLINE};
use crate::entrants::Entrant;
use crate::load::{Load, Tally, exactly};
use crate::model::{ASKED, Pace};
use crate::options::Options;
use crate::process::{Process, own_cpu_us};
use crate::results::Sample;
use crate::streams::Streams;
use crate::workloads::{Drive, Times, Workload};

/// How long streams may take to be open, all of them.
const OPENING: Duration = Duration::from_secs(90);

/// What all measurements share.
#[derive(Debug)]
pub struct Bench<'a> {
    pub options: &'a Options,
    pub model: SocketAddr,
    pub times: Times,
    /// What the first entrant answered to each call, which is what all must answer.
    pub answers: BTreeMap<String, Answer>,
}

impl Bench<'_> {
    /// Measures. What an entrant does wrong is in the sample; an error is that it could not be measured.
    pub async fn measure(&mut self, workload: &Workload, entrant: &Entrant, round: u32) -> Sample {
        let mut sample = Sample {
            workload: workload.name.into(),
            entrant: entrant.name.into(),
            round,
            ..Sample::default()
        };
        if let Err(error) = self.run(workload, entrant, &mut sample).await {
            sample.failures.insert(format!("{error:#}"), 1);
        }
        sample
    }

    #[expect(clippy::too_many_lines, reason = "a paragraph for each way to drive, side by side")]
    async fn run(
        &mut self,
        workload: &Workload,
        entrant: &Entrant,
        sample: &mut Sample,
    ) -> anyhow::Result<()> {
        let figures = &mut sample.figures;
        if workload.drive == Drive::Starts {
            return self.starts(workload, entrant, figures).await;
        }
        let mut start = entrant.start(self.options, workload.pace.map(|pace| (self.model, pace)));
        let scratch = tempfile::tempdir()?;
        let kept = self
            .options
            .profiles
            .as_ref()
            .map(|it| it.join(entrant.name.replace(' ', "-")).join(workload.name));
        let profiles = kept.as_deref().unwrap_or(scratch.path());
        if workload.drive == Drive::Instructions {
            std::fs::create_dir_all(profiles)?;
            let file = |name| profiles.join(name).display().to_string();
            start.under =
                ["valgrind", "--tool=callgrind", "--separate-threads=no"].map(String::from).to_vec();
            start.under.push(format!("--callgrind-out-file={}", file("profile")));
            start.under.push(format!("--log-file={}", file("valgrind")));
        }
        let mut server = Process::start(&start)?;
        let mut address = server.next_address()?;
        for _ in 0..entrant.address() {
            address = server.next_address()?;
        }
        match &workload.drive {
            Drive::Starts => {}
            Drive::Closed(clients) => {
                let expected = self.checked(workload, address).await?;
                let load = Load::closed(address, &workload.call, &expected, *clients);
                let tally = self.drive(load, self.times.counted, &server, figures).await?;
                sample.failures = tally.failures;
            }
            Drive::Rates(rates) => {
                let expected = self.checked(workload, address).await?;
                for rate in rates {
                    let rate_f = f64::from(*rate);
                    let load = Load::open(address, &workload.call, &expected, 64, rate_f);
                    let mut at = BTreeMap::new();
                    let tally = self.drive(load, self.times.rate, &server, &mut at).await?;
                    let reached = at["per_second"] / rate_f;
                    for name in ["p50_us", "p99_us"] {
                        figures.insert(format!("{name}@{rate}"), at[name]);
                    }
                    figures.insert(format!("reached@{rate}"), reached);
                    sample.failures.extend(tally.failures);
                    if reached < 0.95 {
                        break;
                    }
                }
            }
            Drive::Paced(streams) => {
                let every = Duration::from_millis(10);
                let open = Streams::open(address, &workload.call, *streams, every, true);
                sleep(every * u32::try_from(*streams)? + Duration::from_millis(1200)).await;
                let before = server.cpu_us()?;
                open.count(true);
                sleep(self.times.counted.mul_f64(2.0)).await;
                open.count(false);
                let cpu = server.cpu_us()? - before;
                let seen = open.end().await;
                let chunks = seen.delay.len();
                anyhow::ensure!(chunks > 0, "no chunk came; {:?}", seen.failures.first());
                percentiles(figures, "delay_", &seen.delay);
                percentiles(figures, "first_", &seen.first);
                figures.insert("cpu_us".into(), cpu / chunks as f64);
                count_all(&mut sample.failures, seen.failures);
            }
            Drive::Open(streams) => {
                // What the first stream needs once is not what each needs.
                let one = Streams::open(address, &workload.call, 1, Duration::ZERO, false);
                sleep(Duration::from_millis(1500)).await;
                drop(one.end().await);
                sleep(Duration::from_millis(300)).await;
                let before = server.rss_kib()?;
                let open =
                    Streams::open(address, &workload.call, *streams, Duration::from_micros(700), false);
                let all = async {
                    while open.begun() < *streams {
                        sleep(Duration::from_millis(50)).await;
                    }
                };
                let opened = timeout(OPENING, all).await;
                sleep(Duration::from_secs(1)).await;
                let cpu = server.cpu_us()?;
                open.count(true);
                sleep(self.times.counted.max(Duration::from_secs(1))).await;
                open.count(false);
                figures.insert("cpu_us".into(), server.cpu_us()? - cpu);
                let kib = (server.rss_kib()? - before) / *streams as f64;
                figures.insert("kib_per_stream".into(), kib);
                let begun = open.begun();
                let seen = open.end().await;
                figures.entry("cpu_us".into()).and_modify(|it| *it /= seen.delay.len().max(1) as f64);
                percentiles(figures, "delay_", &seen.delay);
                count_all(&mut sample.failures, seen.failures);
                if opened.is_err() {
                    sample
                        .failures
                        .insert(format!("{begun} of {streams} streams began within {OPENING:?}"), 1);
                }
            }
            Drive::Instructions => {
                let expected = self.checked(workload, address).await?;
                let calls = self.times.instructions;
                exactly(address, &workload.call, &expected, calls / 4).await?;
                sleep(Duration::from_millis(300)).await;
                control("--zero", &server).await?;
                exactly(address, &workload.call, &expected, calls).await?;
                // A thread may still be writing the log.
                sleep(Duration::from_millis(500)).await;
                control("--dump", &server).await?;
                let total = total(profiles).await?;
                figures.insert("instructions".into(), total / calls as f64);
            }
        }
        Ok(())
    }

    /// How many calls a second the load and the model reach without a server between them, by workload: as many calls are
    /// sent and answered as for a server's. A server that reaches nearly as many may be capable of more.
    pub async fn ceilings(&self) -> anyhow::Result<BTreeMap<String, f64>> {
        let mut ceilings = BTreeMap::new();
        for (workload, path) in ASKED {
            let call = Call::post(path, "{}");
            let expected = Connection::open(self.model, false, 0).await?.ask(&call).await?;
            let load = Load::closed(self.model, &call, &expected, 16);
            sleep(self.times.warm).await;
            let begun = Instant::now();
            load.count();
            sleep(self.times.counted).await;
            load.stop();
            let wall = begun.elapsed();
            let tally = load.end().await;
            anyhow::ensure!(tally.failures.is_empty(), "the model: {:?}", tally.failures);
            ceilings.insert(workload.to_owned(), tally.answered as f64 / wall.as_secs_f64());
        }
        Ok(ceilings)
    }

    /// Asks twice (an answer may be from a cache the second time) and compares with what the first entrant said.
    async fn checked(&mut self, workload: &Workload, address: SocketAddr) -> anyhow::Result<Answer> {
        let mut connection = Connection::open(address, workload.call.grpc, 0).await?;
        let mut answer = connection.ask(&workload.call).await?;
        if !workload.call.closes {
            answer = connection.ask(&workload.call).await?;
        }
        anyhow::ensure!(answer.status == 200, "status {}", answer.status);
        let key =
            format!("{} {} {:?}", workload.call.path, workload.call.gzip, workload.pace.map(Pace::name));
        let key = format!("{key} {}", workload.call.body.as_ref().map_or(0, bytes::Bytes::len));
        let expected = self.answers.entry(key).or_insert_with(|| answer.clone());
        match answer.differs(expected) {
            None => Ok(answer),
            Some(why) => anyhow::bail!("it answers differently: {why}"),
        }
    }

    /// Warms up, counts, ends.
    async fn drive(
        &self,
        load: Load,
        counted: Duration,
        server: &Process,
        figures: &mut BTreeMap<String, f64>,
    ) -> anyhow::Result<Tally> {
        sleep(self.times.warm).await;
        let (cpu, own, begun) = (server.cpu_us()?, own_cpu_us()?, Instant::now());
        load.count();
        sleep(counted).await;
        load.stop();
        let (cpu, own, wall) = (server.cpu_us()? - cpu, own_cpu_us()? - own, begun.elapsed());
        figures.insert("rss_kib".into(), server.rss_kib()?);
        let tally = load.end().await;
        anyhow::ensure!(tally.answered > 0, "no call was answered; {:?}", tally.failures);
        let wall_us = wall.as_secs_f64() * 1e6;
        figures.insert("per_second".into(), tally.answered as f64 / wall.as_secs_f64());
        figures.insert("cpu_us".into(), cpu / tally.answered as f64);
        figures.insert("server_busy".into(), cpu / wall_us);
        figures.insert("load_busy".into(), own / wall_us);
        percentiles(figures, "", &tally.took);
        Ok(tally)
    }

    async fn starts(
        &self,
        workload: &Workload,
        entrant: &Entrant,
        figures: &mut BTreeMap<String, f64>,
    ) -> anyhow::Result<()> {
        let mut best = f64::MAX;
        for _ in 0..self.times.starts {
            let begun = Instant::now();
            let mut server = Process::start(&entrant.start(self.options, None))?;
            let address = server.next_address()?;
            if !entrant.grpc {
                let mut connection = Connection::open(address, false, 0).await?;
                let answer = connection.ask(&workload.call).await?;
                anyhow::ensure!(answer.status == 200, "status {}", answer.status);
            }
            best = best.min(begun.elapsed().as_secs_f64() * 1e3);
            sleep(Duration::from_millis(300)).await;
            figures.insert("idle_mib".into(), server.rss_kib()? / 1024.0);
        }
        // Others on the machine only ever make it longer.
        figures.insert("start_ms".into(), best);
        Ok(())
    }
}

fn percentiles(figures: &mut BTreeMap<String, f64>, prefix: &str, took: &Histogram<u64>) {
    for (name, quantile) in [("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999)] {
        figures.insert(format!("{prefix}{name}"), took.value_at_quantile(quantile) as f64);
    }
}

fn count_all(failures: &mut BTreeMap<String, u64>, all: Vec<String>) {
    for why in all {
        *failures.entry(why).or_default() += 1;
    }
}

async fn control(what: &str, server: &Process) -> anyhow::Result<()> {
    let output = Command::new("callgrind_control").arg(what).arg(server.id().to_string()).output();
    let output = timeout(DEADLINE, output).await.context("callgrind_control does not end")?;
    let output = output.context("callgrind_control, of valgrind, cannot be started")?;
    anyhow::ensure!(
        output.status.success(),
        "callgrind_control: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// The sum in the profile that callgrind has written, or is about to.
async fn total(folder: &std::path::Path) -> anyhow::Result<f64> {
    for _ in 0..100 {
        for file in std::fs::read_dir(folder)? {
            let file = file?.path();
            if !file.file_name().is_some_and(|it| it.to_string_lossy().starts_with("profile.")) {
                continue;
            }
            let profile = std::fs::read_to_string(&file)?;
            if let Some(total) = profile.lines().find_map(|it| it.strip_prefix("totals: ")) {
                return Ok(total.trim().parse()?);
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("callgrind has written no profile")
}
