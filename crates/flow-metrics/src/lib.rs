#![doc = include_str!("../README.md")]

use metrics::Unit;

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, as OpenTelemetry has it.
    pub name: &'static str,
    /// How its numbers are kept.
    pub kind: Kind,
    /// Its unit, by UCUM, as OpenTelemetry has it: `s`, or what is counted, in braces.
    pub unit: &'static str,
    /// What it counts.
    pub about: &'static str,
}

/// How the numbers of a metric are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// A number that rises and falls.
    Gauge,
    /// How many numbers are at most as large as each of these limits.
    Histogram(&'static [f64]),
}

/// The limits that the conventions advise for requests, in seconds, and more for answers that models take long for.
const REQUESTS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0, 120.0];

/// Those for calls of models (`gen_ai.client.operation.duration`), in seconds.
const CALLS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// Those for operations of a store that answers within milliseconds, in seconds.
const OPERATIONS: &[f64] = &[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1];

/// Those for tokens (`gen_ai.client.token.usage`).
const TOKENS: &[f64] =
    &[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

macro_rules! metrics_table {
    ($($about:literal $constant:ident = $name:literal, $kind:expr, $unit:literal;)*) => {
        $(
            #[doc = $about]
            pub const $constant: Metric =
                Metric { name: $name, kind: $kind, unit: $unit, about: $about };
        )*

        /// All of them.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics_table! {
    "Time until an HTTP answer begins; a stream begins with its first piece."
        HTTP_DURATION = "http.server.request.duration", Kind::Histogram(REQUESTS), "s";
    "Time until a remote procedure call has ended."
        RPC_DURATION = "rpc.server.call.duration", Kind::Histogram(REQUESTS), "s";
    "Requests and streams under way, over HTTP and as remote procedure calls."
        ACTIVE = "flow.active_requests", Kind::Gauge, "{request}";
    "Requests refused because a client has sent too many."
        RATE_LIMITED = "flow.rate_limited", Kind::Counter, "{request}";
    "Time until a flow has ended, a stream with its last piece."
        FLOW_DURATION = "flow.duration", Kind::Histogram(REQUESTS), "s";
    "Time until a flow's stream has its first piece."
        FIRST_CHUNK = "flow.time_to_first_chunk", Kind::Histogram(REQUESTS), "s";
    "Flows looked up in the cache of answers."
        CACHE = "flow.cache.lookups", Kind::Counter, "{lookup}";
    "Time until a call of a model has ended."
        MODEL_DURATION = "gen_ai.client.operation.duration", Kind::Histogram(CALLS), "s";
    "Time until a model's stream has its first piece."
        MODEL_FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk", Kind::Histogram(CALLS), "s";
    "Tokens of a call of a model, by kind."
        TOKENS_USED = "gen_ai.client.token.usage", Kind::Histogram(TOKENS), "{token}";
    "Tokens that were not generated because nobody waited any more; an estimate."
        TOKENS_SAVED = "flow.model.tokens_saved", Kind::Counter, "{token}";
    "Calls of a model that were repeated."
        RETRIES = "flow.model.retries", Kind::Counter, "{call}";
    "Calls that went to another model."
        FALLBACKS = "flow.model.fallbacks", Kind::Counter, "{call}";
    "1 while a model is left alone or being tested after failures, else 0."
        CIRCUIT_OPEN = "flow.model.circuit_open", Kind::Gauge, "1";
    "1 while the shared store is in use, else 0."
        STORE_UP = "flow.store.up", Kind::Gauge, "1";
    "Operations that the shared store did not answer."
        STORE_FALLBACKS = "flow.store.fallbacks", Kind::Counter, "{operation}";
    "Time that an operation of the shared store took."
        STORE_DURATION = "db.client.operation.duration", Kind::Histogram(OPERATIONS), "s";
    "Lines of the log that were lost because nobody took them."
        LOG_LOST = "flow.log.lost", Kind::Counter, "{line}";
}

impl Metric {
    /// The name under which Prometheus has it: with the unit of seconds, and `total` where it only grows.
    pub fn prometheus_name(&self) -> String {
        let mut name = self.name.replace('.', "_");
        if self.unit == "s" {
            name.push_str("_seconds");
        }
        if self.kind == Kind::Counter {
            name.push_str("_total");
        }
        name
    }

    /// The limits of its histogram, if it is one.
    pub fn limits(&self) -> Option<&'static [f64]> {
        if let Kind::Histogram(limits) = self.kind { Some(limits) } else { None }
    }
}

/// The metric of this name.
pub fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|it| it.name == name)
}

/// Tells the global recorder of all metrics.
pub fn describe() {
    for metric in ALL {
        let (name, about) = (metric.name, metric.about);
        match (metric.kind, metric.unit) {
            (Kind::Counter, _) => metrics::describe_counter!(name, about),
            (Kind::Gauge, _) => metrics::describe_gauge!(name, about),
            (Kind::Histogram(_), "s") => metrics::describe_histogram!(name, Unit::Seconds, about),
            (Kind::Histogram(_), _) => metrics::describe_histogram!(name, about),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_there_once_and_limits_rise() {
        for (nth, metric) in ALL.iter().enumerate() {
            assert!(ALL[..nth].iter().all(|it| it.name != metric.name), "{}", metric.name);
            assert!(metric.limits().is_none_or(|it| it.is_sorted_by(|a, b| a < b)), "{}", metric.name);
        }
        assert_eq!(HTTP_DURATION.prometheus_name(), "http_server_request_duration_seconds");
        assert_eq!(find("flow.log.lost").unwrap().prometheus_name(), "flow_log_lost_total");
    }
}
