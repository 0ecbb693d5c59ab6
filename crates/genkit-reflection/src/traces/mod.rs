//! Traces, on their way to the telemetry server of the developer tools.

mod json;
mod open;
#[cfg(test)]
mod samples;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flow_telemetry::{SpanData, SpanWatcher};
use opentelemetry::trace::{SpanId, TraceId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use self::json::Exported;
use self::open::OpenSpans;

/// How many beginnings and ends of spans may wait. What finds no place is left out.
const QUEUE: usize = 4096;

/// How many of them are sent at once.
const BATCH: usize = 256;

/// How long one export may take, and how long a run waits for its own.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where exports go, below the server's address.
const PATH: &str = "/api/traces";

/// Sends spans to the telemetry server that the tools name. It is a watcher of `flow-telemetry`'s.
///
/// Nothing waits for it but the end of an action's run, and that for two seconds at most. What fails is left out.
pub struct Traces {
    server: Mutex<Option<String>>,
    /// Whether what the tools say of the server counts.
    adopts: bool,
    /// Whether a span is sent when it begins, too.
    live: bool,
    open: Mutex<OpenSpans>,
    queue: mpsc::Sender<Item>,
    waiting: Mutex<Option<mpsc::Receiver<Item>>>,
}

enum Item {
    Span(Box<Exported>),
    /// Somebody waits until all before it has been sent.
    Sent(oneshot::Sender<()>),
}

impl Traces {
    /// For this server, or the one that the tools name later. `live` shows spans as soon as they begin.
    pub fn new(server: Option<&str>, live: bool) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        Self {
            server: Mutex::new(server.map(trimmed)),
            adopts: server.is_none(),
            live,
            open: Mutex::default(),
            queue,
            waiting: Mutex::new(Some(waiting)),
        }
    }

    /// Takes the server that the tools name, unless one is set.
    pub(crate) fn adopt(&self, server: &str) {
        if self.adopts && server.starts_with("http") {
            *locked(&self.server) = Some(trimmed(server));
        }
    }

    /// Adds these attributes to the root of the trace inside of a span.
    pub(crate) fn label(&self, trace: TraceId, span: SpanId, labels: Vec<(String, String)>) {
        locked(&self.open).label(trace, span, labels);
    }

    /// Waits until a span has ended and all that happened inside of it has been sent, for two seconds at most.
    pub(crate) async fn sent(&self, trace: TraceId, span: SpanId) {
        let (waiter, sent) = oneshot::channel();
        let over = locked(&self.open).wait(trace, span, waiter);
        if let Some(waiter) = over {
            let _ = self.queue.try_send(Item::Sent(waiter));
        }
        let _ = timeout(PATIENCE, sent).await;
    }

    /// Sends what comes, for ever. Only the first call does.
    pub(crate) async fn send(&self) {
        let Some(mut waiting) = locked(&self.waiting).take() else { return };
        let client = match reqwest::Client::builder().timeout(PATIENCE).no_proxy().build() {
            Ok(client) => client,
            Err(error) => return tracing::warn!(%error, "no traces can be sent"),
        };
        let mut items = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut items, BATCH).await > 0 {
            let (mut spans, mut waiters) = (Vec::new(), Vec::new());
            for item in items.drain(..) {
                match item {
                    Item::Span(span) => spans.push(*span),
                    Item::Sent(waiter) => waiters.push(waiter),
                }
            }
            self.post(&client, &spans).await;
            for waiter in waiters {
                let _ = waiter.send(());
            }
        }
    }

    async fn post(&self, client: &reqwest::Client, spans: &[Exported]) {
        let Some(server) = locked(&self.server).clone() else { return };
        let mut traces: Vec<&str> = Vec::new();
        for span in spans {
            if !traces.contains(&&*span.trace) {
                traces.push(&span.trace);
            }
        }
        for trace in traces {
            let body = json::trace(trace, spans.iter().filter(|it| it.trace == trace));
            let sent = client.post(format!("{server}{PATH}")).json(&body).send().await;
            match sent.and_then(reqwest::Response::error_for_status) {
                Ok(_) => {}
                // A server that does not answer would hold up all others.
                Err(error) if error.is_timeout() => {
                    return tracing::debug!("the telemetry server does not answer");
                }
                Err(error) => tracing::debug!(error = %error.without_url(), "a trace could not be sent"),
            }
        }
    }

    fn push(&self, item: Item) {
        let _ = self.queue.try_send(item);
    }
}

impl SpanWatcher for Traces {
    fn started(&self, span: &SpanData) {
        let shown = locked(&self.open).started(span);
        if let Some(shown) = shown.filter(|_| self.live) {
            self.push(Item::Span(Box::new(Exported::new(span, &shown, false))));
        }
    }

    fn ended(&self, span: &SpanData) {
        let (shown, waiter) = locked(&self.open).ended(span);
        if let Some(shown) = shown {
            self.push(Item::Span(Box::new(Exported::new(span, &shown, true))));
        }
        if let Some(waiter) = waiter {
            self.push(Item::Sent(waiter));
        }
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").field("live", &self.live).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn trimmed(server: &str) -> String {
    server.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::samples::span;
    use super::*;

    fn queued(traces: &Traces) -> usize {
        traces.queue.max_capacity() - traces.queue.capacity()
    }

    #[test]
    fn a_span_is_sent_at_its_end_and_where_it_is_to_be_live_at_its_beginning_too() {
        let (begun, all) = (span(1, 0, &[("genkit:type", "util")]), [(true, 2), (false, 1)]);
        for (live, expected) in all {
            let traces = Traces::new(None, live);
            traces.started(&begun);
            traces.ended(&begun);
            traces.started(&span(2, 0, &[]));
            assert_eq!(queued(&traces), expected);
        }
    }

    #[test]
    fn a_server_that_was_set_stays_and_another_one_is_replaced() {
        let traces = Traces::new(Some("http://a/"), true);
        traces.adopt("http://b");
        assert_eq!(locked(&traces.server).as_deref(), Some("http://a"));
        let traces = Traces::new(None, true);
        traces.adopt("http://b/");
        traces.adopt("file:///c");
        traces.adopt("http://c");
        assert_eq!(locked(&traces.server).as_deref(), Some("http://c"));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_a_server_or_a_span_that_does_not_end() {
        let traces = Traces::new(None, true);
        let open = span(1, 0, &[]);
        let ids = |it: &SpanData| (it.span_context.trace_id(), it.span_context.span_id());
        traces.started(&open);
        let began = tokio::time::Instant::now();
        let (trace, id) = ids(&open);
        traces.sent(trace, id).await;
        assert_eq!(began.elapsed(), PATIENCE);

        let again = tokio::time::Instant::now();
        tokio::select! {
            () = traces.send() => {}
            () = traces.sent(trace, 9_u64.into()) => {}
        }
        assert_eq!(again.elapsed(), Duration::ZERO, "all before it has been sent");
    }
}
