//! The traces of the last requests, in memory, for the development page.
//!
//! Everything is bounded: the traces, the spans of one, the text of one value, and all of it in bytes. The oldest trace
//! gives way. A trace in which no flow, tool or model had a part is not kept: it is that of a probe, or of a page.

mod kept;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flow_edge::docs::dev::RecentTraces;
use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;

use self::kept::Trace;
use crate::watch::SpanWatcher;

/// How many traces are kept.
const TRACES: usize = 100;

/// How many spans of one trace are kept.
const SPANS: usize = 200;

/// How much is kept in all, in bytes.
const BYTES: usize = 16 * 1024 * 1024;

/// The traces of the last requests, those under way among them.
#[derive(Debug, Default)]
pub struct Recent {
    /// The oldest first.
    traces: Mutex<VecDeque<Trace>>,
}

impl Recent {
    /// Whoever holds them cannot panic, so nobody sees them half changed.
    fn traces(&self) -> MutexGuard<'_, VecDeque<Trace>> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanWatcher for Recent {
    fn started(&self, span: &SpanData) {
        let mut traces = self.traces();
        let id = span.span_context.trace_id();
        if let Some(trace) = find(&mut traces, id) {
            trace.start(span, SPANS);
        } else {
            let mut trace = Trace::new(id);
            trace.start(span, SPANS);
            traces.push_back(trace);
        }
        shrink(&mut traces);
    }

    fn ended(&self, span: &SpanData) {
        let mut traces = self.traces();
        let id = span.span_context.trace_id();
        // It may have given way already.
        let Some(trace) = find(&mut traces, id) else { return };
        trace.end(span);
        if !trace.is_running() && !trace.has_work() {
            traces.retain(|it| it.id != id);
        }
        shrink(&mut traces);
    }
}

impl RecentTraces for Recent {
    fn list(&self) -> Value {
        self.traces().iter().rev().filter(|it| it.has_work()).map(Trace::summary).collect()
    }

    fn trace(&self, id: &str) -> Option<Value> {
        let id = TraceId::from_hex(id).ok()?;
        self.traces().iter().find(|it| it.id == id).map(Trace::shown)
    }
}

/// The newest are asked for most.
fn find(traces: &mut VecDeque<Trace>, id: TraceId) -> Option<&mut Trace> {
    traces.iter_mut().rev().find(|it| it.id == id)
}

/// Lets traces go until the rest is within the bounds: first what will probably not be kept, then the oldest. The newest
/// stays; its own size has a bound.
fn shrink(traces: &mut VecDeque<Trace>) {
    let mut bytes: usize = traces.iter().map(|it| it.size).sum();
    while traces.len() > 1 && (traces.len() > TRACES || bytes > BYTES) {
        let without_work = traces.iter().take(traces.len() - 1).position(|it| !it.has_work());
        let gone = traces.remove(without_work.unwrap_or_default());
        bytes -= gone.map_or(0, |it| it.size);
    }
}
