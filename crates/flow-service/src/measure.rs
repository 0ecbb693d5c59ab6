//! How long flows take, and how they end.

use std::sync::Arc;
use std::time::Instant;

use flow_edge::FlowInfo;
use flow_metrics::{FIRST_CHUNK, FLOW_DURATION};
use metrics::{Histogram, histogram};

/// What is measured of each flow, if anything is.
#[derive(Debug, Default)]
pub(super) struct FlowMeters(Vec<(&'static str, Arc<FlowMeter>)>);

#[derive(Debug)]
struct FlowMeter {
    succeeded: Histogram,
    failed: Histogram,
    cancelled: Histogram,
    first_chunk: Histogram,
}

impl FlowMeters {
    /// For the flows of this table.
    pub(super) fn new(table: &[FlowInfo]) -> Self {
        let meter = |flow: &FlowInfo| {
            let name = flow.name;
            let ended = |how: &'static str| histogram!(FLOW_DURATION.name, "flow" => name, "outcome" => how);
            // A flow that only answers at once has no first chunk.
            let first_chunk = match flow.streamed {
                Some(_) => histogram!(FIRST_CHUNK.name, "flow" => name),
                None => Histogram::noop(),
            };
            let [succeeded, failed, cancelled] = ["success", "error", "cancelled"].map(ended);
            (name, Arc::new(FlowMeter { succeeded, failed, cancelled, first_chunk }))
        };
        Self(table.iter().map(meter).collect())
    }

    /// A flow begins.
    pub(super) fn begin(&self, flow: &str) -> Option<Measured> {
        // There are few flows, so looking through them costs less than a map.
        let (_, meter) = self.0.iter().find(|it| it.0 == flow)?;
        Some(Measured { meter: meter.clone(), began: Instant::now(), has_chunks: false, ended: false })
    }
}

/// A flow under way. Dropped before its end, it counts as cancelled.
#[derive(Debug)]
pub(super) struct Measured {
    meter: Arc<FlowMeter>,
    began: Instant,
    has_chunks: bool,
    ended: bool,
}

impl Measured {
    /// A piece of its stream has come.
    pub(super) fn chunk(&mut self) {
        if !std::mem::replace(&mut self.has_chunks, true) {
            self.meter.first_chunk.record(self.began.elapsed());
        }
    }

    /// It has ended.
    pub(super) fn end(&mut self, succeeded: bool) {
        self.ended = true;
        let of = if succeeded { &self.meter.succeeded } else { &self.meter.failed };
        of.record(self.began.elapsed());
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        if !self.ended {
            self.meter.cancelled.record(self.began.elapsed());
        }
    }
}
