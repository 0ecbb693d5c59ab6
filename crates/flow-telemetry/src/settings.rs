//! What is sent, and where to.

use secrecy::SecretString;

/// What is said of this process, and where its spans go.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// The name under which traces of this program are found.
    pub service_name: String,
    /// The version of this program.
    pub service_version: String,
    /// What else is said of this process, such as where it runs.
    pub resource: Vec<(String, String)>,
    /// Where spans are sent to, if anywhere.
    pub collector: Option<Collector>,
}

/// A server that takes spans by OTLP. `Debug` hides the headers' values.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Its address. Over HTTP, `/v1/traces` is added to it.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Headers of each export, such as a key.
    pub headers: Vec<(String, SecretString)>,
    /// Whether it gets prompts and answers, where spans hold them.
    pub content: bool,
}

impl TelemetrySettings {
    /// Traces of this program that go nowhere yet.
    pub fn new(service_name: &str) -> Self {
        Self {
            service_name: service_name.to_owned(),
            service_version: String::new(),
            resource: Vec::new(),
            collector: None,
        }
    }
}

impl Collector {
    /// The collector at this address, over HTTP and without content.
    pub fn new(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            protocol: Protocol::HttpProtobuf,
            headers: Vec::new(),
            content: false,
        }
    }
}

/// The protocols of OTLP that are spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Protocol buffers over HTTP, by default on port 4318.
    HttpProtobuf,
    // eject: grpc
    /// gRPC, by default on port 4317.
    Grpc,
    // eject: end
}

/// Which traces are recorded (OpenTelemetry specification, "Built-in samplers").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Whether a trace that a caller has begun is recorded if the caller says so, and only then.
    pub parent_based: bool,
    /// The part of all other traces that is recorded, from 0 to 1.
    pub part: f64,
}

impl Sampler {
    /// Whether a trace is recorded that its caller records or not, or that begins here. The part is taken as other programs
    /// take it, so that those of one trace agree (OpenTelemetry specification, `TraceIdRatioBased`).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the part is between 0 and 1, and of an id its lower half counts"
    )]
    pub(crate) fn records(self, by_caller: Option<bool>, trace: u128) -> bool {
        if let Some(decision) = by_caller.filter(|_| self.parent_based) {
            return decision;
        }
        let limit = (self.part * (1_u64 << 63) as f64) as u64;
        (trace as u64 >> 1) < limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_decides_where_it_counts_and_else_the_part_of_all_ids() {
        let half = Sampler { parent_based: true, part: 0.5 };
        assert!(half.records(Some(true), u128::MAX) && !half.records(Some(false), 0));
        assert!(half.records(None, 0) && !half.records(None, u128::MAX));
        let by_id = Sampler { parent_based: false, part: 0.5 };
        assert!(by_id.records(Some(false), 1 << 100) && !by_id.records(Some(true), u128::MAX));
        for (part, expected) in [(0.0, false), (1.0, true)] {
            let all = Sampler { parent_based: false, part };
            assert!([0, 1 << 63, u128::MAX].iter().all(|it| all.records(None, *it) == expected), "{part}");
        }
    }
}
