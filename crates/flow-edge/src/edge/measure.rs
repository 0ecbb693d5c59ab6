//! How many requests there are, and how long they take.

use flow_metrics::{HTTP_DURATION, RPC_DURATION};
use metrics::histogram;
use tracing::Span;

use super::observe::{End, Observer, Status, method_name, rpc_status_name};

/// What the metrics have for a path without a route, so that a client cannot make up values.
const NO_ROUTE: &str = "";

/// Measures each request, by its route and its status.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestMetrics;

impl Observer for RequestMetrics {
    fn end(&self, _: &Span, end: &End<'_>) {
        let route = end.route.unwrap_or(NO_ROUTE);
        match end.status {
            Status::Http(status) => histogram!(
                HTTP_DURATION.name,
                "http.request.method" => method_name(end.method),
                "http.route" => route.to_owned(),
                "http.response.status_code" => status.to_string(),
            ),
            Status::Rpc(status) => histogram!(
                RPC_DURATION.name,
                "rpc.system.name" => "grpc", // eject: grpc
                "rpc.method" => route.trim_start_matches('/').to_owned(),
                "rpc.response.status_code" => rpc_status_name(status),
            ),
        }
        .record(end.duration);
    }
}
