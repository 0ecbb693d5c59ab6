//! Runs of actions: started, told of, cancelled.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flow_runtime::trace::SPANS;
use flow_telemetry::context_of;
use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument as _, info_span};

use crate::action::{Action, Call, Chunks, Event, Outcome, Registry};
use crate::error::ActionError;
use crate::traces::Traces;

/// How many actions may run at once.
const MOST: usize = 64;

/// How many events of a run may wait for their reader.
const EVENTS: usize = 16;

/// How long the reader of a run may take for its end.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A run, as both versions of the protocol ask for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    key: String,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    telemetry_labels: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) stream: bool,
}

/// A run under way. Dropped, it ends.
pub(crate) struct Run {
    pub(crate) trace: String,
    pub(crate) span: String,
    pub(crate) events: mpsc::Receiver<Event>,
    _task: AbortOnDropHandle<()>,
}

/// Runs actions.
pub(crate) struct Runner {
    pub(crate) registry: Registry,
    traces: Option<Arc<Traces>>,
    running: Arc<Running>,
    places: Arc<Semaphore>,
    ending: CancellationToken,
}

/// What can be cancelled, by trace.
type Running = Mutex<HashMap<String, CancellationToken>>;

impl Runner {
    /// Runs end when `ending` is cancelled.
    pub(crate) fn new(registry: Registry, traces: Option<Arc<Traces>>, ending: CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(MOST));
        Self { registry, traces, running: Arc::default(), places, ending }
    }

    /// Starts an action. It fails if there is no such action, or if too many are running.
    pub(crate) fn start(&self, request: Request) -> Result<Run, ActionError> {
        let action =
            self.registry.find(&request.key).ok_or_else(|| ActionError::unknown_action(&request.key))?;
        let place = self.places.clone().try_acquire_owned().map_err(|_| ActionError::too_many())?;
        // Its trace is known before the action's own span begins. It has no type of Genkit's, so it is not shown.
        let span = info_span!(target: SPANS, "action", "otel.name" = request.key);
        let context = context_of(&span);
        let (trace, id) = match &context {
            Some(context) => (context.trace_id().to_string(), context.span_id().to_string()),
            None => (uuid::Uuid::new_v4().simple().to_string(), "0".repeat(16)),
        };
        let traced = context.and_then(|it| Some((self.traces.clone()?, it)));
        if let (Some((traces, context)), Some(labels)) = (&traced, request.telemetry_labels) {
            let labels = labels.into_iter().filter_map(|(name, it)| Some((name, it.as_str()?.to_owned())));
            traces.label(context.trace_id(), context.span_id(), labels.collect());
        }
        let (send, events) = mpsc::channel(EVENTS);
        let place = Place::new(place, &trace, self.running.clone(), self.ending.child_token());
        let (ending, chunks) = (self.ending.clone(), request.stream.then(|| Chunks(send.clone())));
        let call = Call { input: request.input, chunks };
        let task = tokio::spawn(async move {
            let work = guarded(action, call).instrument(span);
            let outcome = tokio::select! {
                biased;
                () = place.cancelled.cancelled() => {
                    Err(if ending.is_cancelled() { ActionError::ending() } else { ActionError::cancelled() })
                }
                outcome = work => outcome,
            };
            drop(place);
            // Who started the program for this run ends it as soon as the answer is there.
            if let Some((traces, context)) = traced {
                traces.sent(context.trace_id(), context.span_id()).await;
            }
            let _ = send.send_timeout(Event::End(outcome), READ_TIMEOUT).await;
        });
        Ok(Run { trace, span: id, events, _task: AbortOnDropHandle::new(task) })
    }

    /// Cancels the run of this trace, if there is one.
    pub(crate) fn cancel(&self, trace: &str) -> bool {
        let cancelled = locked(&self.running).remove(trace);
        cancelled.is_some_and(|it| {
            it.cancel();
            true
        })
    }

    /// Takes the telemetry server that the tools name.
    pub(crate) fn adopt(&self, server: Option<&str>) {
        if let (Some(traces), Some(server)) = (&self.traces, server) {
            traces.adopt(server);
        }
    }
}

/// A panic in an action must not leave its caller without an end.
async fn guarded(action: Action, call: Call) -> Outcome {
    let work = AssertUnwindSafe(async move { action.run(call).await });
    work.catch_unwind().await.unwrap_or_else(|_| Err(ActionError::panicked()))
}

/// A place among those that run, and in the list of what can be cancelled.
struct Place {
    trace: String,
    running: Arc<Running>,
    cancelled: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn new(
        permit: OwnedSemaphorePermit,
        trace: &str,
        running: Arc<Running>,
        cancelled: CancellationToken,
    ) -> Self {
        locked(&running).insert(trace.to_owned(), cancelled.clone());
        Self { trace: trace.to_owned(), running, cancelled, _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        locked(&self.running).remove(&self.trace);
    }
}

fn locked(running: &Running) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn runner() -> Runner {
        let registry = Registry::default().with(|| {
            vec![
                Action::new("tool", "echo", |call: Call| async move {
                    if let Some(chunks) = &call.chunks {
                        chunks.send(json!("a")).await?;
                    }
                    Ok(call.input)
                }),
                Action::new("tool", "endless", |_| std::future::pending()),
                Action::new("tool", "panics", |_| async { panic!("on purpose") }),
            ]
        });
        Runner::new(registry, None, CancellationToken::new())
    }

    fn request(key: &str, stream: bool) -> Request {
        let mut request: Request = serde_json::from_value(json!({"key": key, "input": 1})).unwrap();
        request.stream = stream;
        request
    }

    async fn all(mut run: Run) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = run.events.recv().await {
            events.push(event);
        }
        events
    }

    #[tokio::test]
    async fn a_run_tells_chunks_where_they_are_wanted_and_then_its_end() {
        let runner = runner();
        let run = runner.start(request("/tool/echo", true)).unwrap();
        assert_eq!((run.trace.len(), run.span.len()), (32, 16));
        assert_eq!(all(run).await, [Event::Chunk(json!("a")), Event::End(Ok(json!(1)))]);
        let run = runner.start(request("/tool/echo", false)).unwrap();
        assert_eq!(all(run).await, [Event::End(Ok(json!(1)))]);
        assert_eq!(runner.start(request("/tool/no", false)).err().unwrap().code, 5);
    }

    #[tokio::test]
    async fn a_run_can_be_cancelled_once() {
        let runner = runner();
        let run = runner.start(request("/tool/endless", false)).unwrap();
        let trace = run.trace.clone();
        assert!(runner.cancel(&trace) && !runner.cancel(&trace));
        assert_eq!(all(run).await, [Event::End(Err(ActionError::cancelled()))]);
        let run = runner.start(request("/tool/endless", false)).unwrap();
        runner.ending.cancel();
        assert_eq!(all(run).await, [Event::End(Err(ActionError::ending()))]);
    }

    #[tokio::test]
    async fn a_panic_is_an_end_too() {
        let run = runner().start(request("/tool/panics", false)).unwrap();
        assert_eq!(all(run).await, [Event::End(Err(ActionError::panicked()))]);
    }

    #[tokio::test]
    async fn runs_are_bounded_and_a_dropped_one_frees_its_place() {
        let runner = runner();
        let mut runs: Vec<_> =
            (0..MOST).map(|_| runner.start(request("/tool/endless", false)).unwrap()).collect();
        assert_eq!(runner.start(request("/tool/echo", false)).err().unwrap().code, 8);
        runs.pop();
        while runner.places.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(locked(&runner.running).len(), MOST - 1);
        assert!(runner.start(request("/tool/echo", false)).is_ok());
    }
}
