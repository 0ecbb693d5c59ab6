//! What is sent, and where to.

use opentelemetry_sdk::trace::Sampler as SdkSampler;
use secrecy::SecretString;

/// Where spans go and how many of them. `Debug` hides the headers' values.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// The collector's address. Over HTTP, `/v1/traces` is added to it.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Headers of each export, such as a key.
    pub headers: Vec<(String, SecretString)>,
    /// Which traces are recorded.
    pub sampler: Sampler,
    /// The name under which traces of this program are found.
    pub service_name: String,
    /// The version of this program.
    pub service_version: String,
    /// What else is said of this process, such as where it runs.
    pub resource: Vec<(String, String)>,
}

impl TelemetrySettings {
    /// All traces of this program to this collector, over HTTP.
    pub fn new(endpoint: &str, service_name: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            protocol: Protocol::HttpProtobuf,
            headers: Vec::new(),
            sampler: Sampler { parent_based: true, part: 1.0 },
            service_name: service_name.to_owned(),
            service_version: String::new(),
            resource: Vec::new(),
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
    pub(crate) fn to_sdk(self) -> SdkSampler {
        let by_ratio = SdkSampler::TraceIdRatioBased(self.part);
        if self.parent_based { SdkSampler::ParentBased(Box::new(by_ratio)) } else { by_ratio }
    }
}
