//! What the person at the terminal sees meanwhile: how it goes.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use crate::watch::Sample;

/// How often a line is written where there is no terminal, in samples of a second each.
const EVERY: usize = 30;

/// How it goes: a bar on a terminal, now and then a line elsewhere.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    framework: String,
    seconds: u64,
}

impl Progress {
    pub fn new(framework: &str, seconds: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(seconds).with_prefix(framework.to_owned());
            let style = ProgressStyle::with_template("{prefix:6} {bar:30} {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, framework: framework.to_owned(), seconds }
    }

    pub fn show(&self, samples: &[Sample]) {
        let Some(now) = samples.last() else { return };
        let rate = rates(&samples[samples.len().saturating_sub(2)..]).last().map_or(0.0, |it| it.1);
        let left = self.seconds.saturating_sub(samples.len() as u64);
        let said =
            format!("{rate:.0} requests/s, {} MiB, {} fds, {left} s left", now.rss_kib / 1024, now.fds);
        match &self.bar {
            Some(bar) => {
                bar.set_message(said);
                bar.set_position(samples.len() as u64);
            }
            None if samples.len().is_multiple_of(EVERY) => eprintln!("{}: {said}", self.framework),
            None => {}
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Requests per second between one sample and the next, at the later one's time.
#[expect(clippy::cast_precision_loss, reason = "no run sends 2^52 requests")]
pub fn rates(samples: &[Sample]) -> Vec<(f64, f64)> {
    let rate = |pair: &[Sample]| {
        let (from, to) = (pair[0], pair[1]);
        let took = (to.seconds - from.seconds).max(f64::EPSILON);
        (to.seconds, to.requests.saturating_sub(from.requests) as f64 / took)
    };
    samples.windows(2).map(rate).collect()
}
