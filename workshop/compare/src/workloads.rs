//! What is measured.

use std::fmt::Write;
use std::time::Duration;

use crate::call::Call;
use crate::entrants::{Entrant, Kind};
use crate::model::Pace;

/// A workload: a call, the model behind it and how it is driven.
#[derive(Clone, Debug)]
pub struct Workload {
    /// In the results and in `--only`.
    pub name: &'static str,
    /// In the report.
    pub title: &'static str,
    pub call: Call,
    /// None: no model is asked, or the built-in one.
    pub pace: Option<Pace>,
    pub drive: Drive,
}

/// How a server is driven.
#[derive(Clone, Debug, PartialEq)]
pub enum Drive {
    /// So many clients, each one call after the other.
    Closed(usize),
    /// So many calls a second, one rate after the other.
    Rates(Vec<u32>),
    /// So many streams at once, each ends and begins again.
    Paced(usize),
    /// So many streams that stay open.
    Open(usize),
    /// One client, under callgrind.
    Instructions,
    /// Started again and again, and asked once.
    Starts,
}

/// How long each part takes.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub warm: Duration,
    pub counted: Duration,
    pub rate: Duration,
    pub starts: u32,
    pub instructions: usize,
}

impl Times {
    pub fn of(quick: bool) -> Self {
        let ms = Duration::from_millis;
        if quick {
            return Self { warm: ms(100), counted: ms(400), rate: ms(300), starts: 2, instructions: 50 };
        }
        Self { warm: ms(500), counted: ms(1500), rate: ms(1500), starts: 3, instructions: 300 }
    }
}

/// All of them.
pub fn all(quick: bool) -> Vec<Workload> {
    let health = || Call::get("/health");
    let translate = || Call::post("/translate", "{}");
    let joke = || Call::post("/tell-joke", "{}");
    let stream = || Call::post("/tell-joke/stream", "{}");
    let grpc_joke = || Call::grpc("/genkit.sample.v1.GenkitService/TellJoke");
    let mut large = String::from("{\"text\":\"");
    for nth in 0..1500 {
        let _ = write!(large, "{nth} ");
    }
    large.push_str("\"}");
    let large = || Call::post("/translate", large.clone());
    let at_once = Some(Pace::AtOnce);
    let closed = Drive::Closed(16);
    let rates = || {
        Drive::Rates(if quick { vec![1000] } else { vec![500, 1000, 2000, 3000, 4000, 6000, 8000, 10_000] })
    };
    let work = |name, title, call, pace, drive| Workload { name, title, call, pace, drive };
    let mut all = vec![
        work("start", "Start, and memory at rest", health(), None, Drive::Starts),
        work("health", "`GET /health`", health(), None, closed.clone()),
        work("translate", "`/translate` from the cache", translate(), None, closed.clone()),
        work("joke", "`/tell-joke`", joke(), at_once, closed.clone()),
        work("stream", "`/tell-joke/stream`, 50 chunks at once", stream(), at_once, closed.clone()),
        work(
            "churn",
            "`GET /health`, each on a new connection",
            Call { closes: true, ..health() },
            None,
            closed.clone(),
        ),
        work("large", "16 kB from the cache", large(), None, closed.clone()),
        work("gzip", "The same, compressed", Call { gzip: true, ..large() }, None, closed.clone()),
        work("grpc-joke", "gRPC `TellJoke`", grpc_joke(), at_once, closed.clone()),
        work(
            "grpc-story",
            "gRPC `TellStory`",
            Call::grpc("/genkit.sample.v1.GenkitService/TellStory"),
            at_once,
            closed,
        ),
        work("rates-translate", "`/translate` from the cache at fixed rates", translate(), None, rates()),
        work("rates-joke", "`/tell-joke` at fixed rates", joke(), at_once, rates()),
        work("paced", "100 streams, a chunk each 20 ms", stream(), Some(Pace::Paced), Drive::Paced(100)),
        work(
            "open-1000",
            "1,000 open streams, a chunk a second each",
            stream(),
            Some(Pace::Slow),
            Drive::Open(if quick { 200 } else { 1000 }),
        ),
    ];
    if !quick {
        let title = "8,000 open streams, a chunk a second each";
        all.push(work("open-8000", title, stream(), Some(Pace::Slow), Drive::Open(8000)));
    }
    for (name, call, pace) in [
        ("instructions-health", health(), None),
        ("instructions-translate", translate(), None),
        ("instructions-joke", joke(), at_once),
        ("instructions-stream", stream(), at_once),
        ("instructions-grpc-joke", grpc_joke(), at_once),
    ] {
        all.push(work(name, name, call, pace, Drive::Instructions));
    }
    all
}

impl Workload {
    /// Whether this entrant takes part.
    pub fn takes(&self, entrant: &Entrant, quick: bool) -> bool {
        if self.call.grpc != entrant.grpc && self.drive != Drive::Starts {
            return false;
        }
        let plain = ["health", "instructions-health", "churn"].contains(&self.name);
        match (entrant.kind, &self.drive) {
            _ if self.drive == Drive::Instructions && quick => {
                plain && ["axum native", "bare axum"].contains(&entrant.name)
            }
            (Kind::Dressed, _) => plain && self.name != "churn",
            (Kind::Bare, _) if ["large", "gzip", "grpc-story"].contains(&self.name) => false,
            (Kind::Ours("hyper"), Drive::Rates(_)) => false,
            _ => true,
        }
    }

    /// In how many of the rounds it is measured.
    pub fn rounds(&self, rounds: u32) -> u32 {
        // Instructions are the same each time, and each curve is many measurements.
        if matches!(self.drive, Drive::Instructions | Drive::Rates(_)) { 1 } else { rounds }
    }
}
