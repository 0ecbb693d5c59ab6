//! One soak: a server, its load, and what came of both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fake_gemini::FakeGemini;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::load::{Load, OneClient};
use crate::options::Options;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::records::Records;
use crate::results::{self, Memory};
use crate::rpc;
use crate::server::Server;
use crate::upstream;
use crate::watch::{Sample, Watched};

/// A model call may outlive its client by one second (`docs/contract.md`); the log and this program take a moment, too.
const LEAVING: Duration = Duration::from_secs(2);

/// How long the last requests may take.
const LAST: Duration = Duration::from_secs(15);

/// How long closed connections may be held.
const CLOSING: Duration = Duration::from_secs(10);

/// Soaks one framework. An error means that there was nothing to soak.
pub async fn soak(options: &Options, framework: &str, seed: u64) -> anyhow::Result<Outcome> {
    let fake = upstream::start().await;
    let records = Arc::new(Records::default());
    let listener = options.server.as_str();
    let mut server = Server::start(&options.program, framework, listener, &fake, records.clone())?;
    let rest = server.next_address()?;
    let process = Watched::new(server.pid())?;
    // Its other listeners and its workers are still on their way.
    sleep(Duration::from_millis(500)).await;
    let fds_before = process.fds()?;

    let load = Load::new(rest, records.clone());
    let clients = (0..options.clients).map(|nth| OneClient::new(seed.wrapping_add(nth)));
    let clients = clients.collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let mut clients = load.start(clients);
    rpc::join(&mut clients, &load, server.next_address()?, options.clients, seed)?;
    let progress = Progress::new(framework, options.seconds);
    let (samples, died) = watch(options, begun, &process, &mut server, &records, &progress).await;
    load.stop();
    let finished = finish(clients).await;
    let seconds = begun.elapsed().as_secs_f64();
    progress.end();

    let model_calls = model_calls_left(&fake).await;
    // The server keeps idle connections to its model; they go with the model.
    drop(fake);
    let fds_after = fds_given_back(&process, fds_before).await.ok();
    let cpu_seconds = process.cpu_seconds().unwrap_or_default();
    let ended = server.end().await;
    drop(process);
    // Where it did not end by itself, its log would not either.
    server.kill();
    let log = server.logs();
    let comparison = records.compare();
    let memory = Memory::of(&samples, seconds);
    let results = vec![
        results::alive(died.or(finished).as_ref()),
        results::answers(&comparison),
        results::accounts(&comparison),
        results::log(&log),
        results::leaving(&comparison),
        results::model_calls(model_calls),
        results::memory(memory.as_ref()),
        results::descriptors(fds_before, fds_after),
        results::exit(&ended),
    ];
    Ok(Outcome {
        framework: framework.to_owned(),
        seconds,
        samples,
        memory,
        fds_before,
        fds_after,
        cpu_seconds,
        comparison,
        tally: load.tally(),
        log,
        results,
    })
}

/// Looks at the process once a second until the time is over, or the process is.
async fn watch(
    options: &Options,
    begun: Instant,
    process: &Watched,
    server: &mut Server,
    records: &Records,
    progress: &Progress,
) -> (Vec<Sample>, Option<anyhow::Error>) {
    let mut samples = Vec::new();
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while begun.elapsed() < Duration::from_secs(options.seconds) {
        ticks.tick().await;
        if !server.runs() {
            return (samples, Some(anyhow::anyhow!("it ended after {:.0?}", begun.elapsed())));
        }
        match process.sample(begun.elapsed(), records.sent()) {
            Ok(sample) => samples.push(sample),
            Err(error) => return (samples, Some(error)),
        }
        progress.show(&samples);
    }
    (samples, None)
}

/// Waits for the last requests. Each has its own deadline, so that an error here is ours.
async fn finish(mut clients: JoinSet<()>) -> Option<anyhow::Error> {
    let all = async {
        let mut panicked = None;
        while let Some(client) = clients.join_next().await {
            panicked = panicked.or(client.err());
        }
        panicked
    };
    match timeout(LAST, all).await {
        Ok(panicked) => panicked.map(|it| anyhow::anyhow!("a client of the soak panicked: {it}")),
        Err(_) => Some(anyhow::anyhow!("the clients of the soak do not end")),
    }
}

async fn model_calls_left(fake: &FakeGemini) -> usize {
    fake.wait_until(|it| it.active == 0, LEAVING).await.unwrap_or_else(|it| it).active
}

async fn fds_given_back(process: &Watched, before: usize) -> anyhow::Result<usize> {
    let begun = Instant::now();
    loop {
        let fds = process.fds()?;
        if fds <= before || begun.elapsed() > CLOSING {
            return Ok(fds);
        }
        sleep(Duration::from_millis(100)).await;
    }
}
