//! A model through everything that goes wrong with models, one thing after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::fake::FakeGemini;
use crate::faults::Fault;
use crate::reply::Reply;
use crate::script::Matcher;

/// How many requests are answered in the same way before that changes.
const STRETCH: usize = 50;

/// Counts the requests that a test sends, and has the model fail by that count: stretches without fault and
/// stretches of one fault take turns, and the last four have none.
#[derive(Clone, Debug)]
pub struct FaultSchedule {
    requests: usize,
    sent: Arc<AtomicUsize>,
}

impl FaultSchedule {
    /// Lets this model fail while so many requests are sent.
    pub fn start(fake: &FakeGemini, requests: usize) -> Self {
        let schedule = Self { requests, sent: Arc::default() };
        for (nth, fault) in faults().into_iter().enumerate() {
            let schedule = schedule.clone();
            fake.on(Matcher::when(move |_| schedule.fault() == Some(nth)), fault);
        }
        schedule
    }

    /// The number of the next request; nothing, once all are sent.
    pub fn next(&self) -> Option<usize> {
        let nth = self.sent.fetch_add(1, Ordering::SeqCst);
        (nth < self.requests).then_some(nth)
    }

    /// The fault that the requests sent now meet.
    fn fault(&self) -> Option<usize> {
        let sent = self.sent.load(Ordering::SeqCst);
        let stretch = sent / STRETCH;
        let fails = stretch % 2 == 1 && sent + 4 * STRETCH < self.requests;
        fails.then_some(stretch / 2 % faults().len())
    }
}

/// Silence does not come last: its requests outlast their stretch.
fn faults() -> Vec<Reply> {
    vec![
        Fault::internal().into(),
        Fault::resource_exhausted(Duration::from_mins(1)).into(),
        Reply::silence(),
        Fault::resource_exhausted(Duration::from_millis(20)).without_retry_header().into(),
        Reply::chunks(["Once ", "upon ", "a time."]).silent_after(1),
        Reply::chunks(["Once ", "upon ", "a time."]).cut_after(1),
        Fault::unavailable().into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_fault_has_its_stretch_and_the_end_has_none() {
        let requests = 2_000;
        let schedule = FaultSchedule::start(&FakeGemini::start().await, requests);
        let met: Vec<_> = std::iter::from_fn(|| {
            let fault = schedule.fault();
            schedule.next().map(|_| fault)
        })
        .collect();
        assert_eq!(met.len(), requests);
        for nth in 0..faults().len() {
            assert!(met.iter().filter(|it| **it == Some(nth)).count() >= STRETCH, "{nth}");
        }
        assert!(met[requests - 4 * STRETCH..].iter().all(Option::is_none));
        assert!(met[..STRETCH].iter().all(Option::is_none));
    }
}
