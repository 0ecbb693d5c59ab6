//! How many requests there are, and how long they take.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use flow_metrics::{HTTP_DURATION, RPC_DURATION};
use metrics::{Histogram, histogram};
use tracing::Span;

use super::observe::{End, Observer, Status, method_name, rpc_status_name};

/// What the metrics have for a path without a route, so that a client cannot make up values.
const NO_ROUTE: &str = "";

type ByRoute = BTreeMap<Box<str>, Histogram>;

/// Measures each request, by its route and its status.
#[derive(Debug, Default)]
pub struct RequestMetrics {
    /// The histograms so far, so that a request makes none of its own. There are as many as routes, methods and statuses:
    /// so few that comparing costs less than hashing.
    so_far: RwLock<BTreeMap<(Status, &'static str), ByRoute>>,
}

impl Observer for RequestMetrics {
    fn end(&self, _: &Span, end: &End<'_>) {
        let route = end.route.unwrap_or(NO_ROUTE);
        let kind = (end.status, method_name(end.method));
        // A map of handles is whole, whatever panicked beside it.
        let so_far = self.so_far.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = so_far.get(&kind).and_then(|it| it.get(route)) {
            return known.record(end.duration);
        }
        drop(so_far);
        let new = match end.status {
            Status::Http(status) => histogram!(
                HTTP_DURATION.name,
                "http.request.method" => kind.1,
                "http.route" => route.to_owned(),
                "http.response.status_code" => status.to_string(),
            ),
            Status::Rpc(status) => histogram!(
                RPC_DURATION.name,
                "rpc.system.name" => "grpc", // eject: grpc
                "rpc.method" => route.trim_start_matches('/').to_owned(),
                "rpc.response.status_code" => rpc_status_name(status),
            ),
        };
        new.record(end.duration);
        let mut so_far = self.so_far.write().unwrap_or_else(PoisonError::into_inner);
        so_far.entry(kind).or_default().insert(route.into(), new);
    }
}
