//! What came of a soak.

use crate::load::Tally;
use crate::records::Comparison;
use crate::results::{CheckResult, Memory};
use crate::server::LogFaults;
use crate::watch::Sample;

/// All there is to tell of one framework.
#[derive(Debug)]
pub struct Outcome {
    pub framework: String,
    pub seconds: f64,
    pub samples: Vec<Sample>,
    pub memory: Option<Memory>,
    pub fds_before: usize,
    /// Nothing, if the process had ended.
    pub fds_after: Option<usize>,
    pub cpu_seconds: f64,
    pub comparison: Comparison,
    pub tally: Tally,
    pub log: LogFaults,
    pub results: Vec<CheckResult>,
}
