//! The standard health service (`grpc.health.v1`), as load balancers and Kubernetes ask it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use flow_edge::drain::Drain;
use flow_edge::{App, ErrorKind, FlowError, Ready};
use futures_util::{Stream, StreamExt, stream};
use tonic::{Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::extract::Ctx;
use crate::reply::{Answer, fault, status};
use crate::stream::cut;

/// How often readiness is checked for clients that watch it. Draining they learn at once.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Serving while the flows are ready and the server takes work, as `/ready` says in REST.
#[derive(Clone)]
pub(crate) struct Probe {
    flows: Arc<dyn Fn() -> bool + Send + Sync>,
    drain: Drain,
    service: &'static str,
}

impl Probe {
    pub(crate) fn new<F: Ready + ?Sized>(app: App<F>, service: &'static str) -> Self {
        let drain = app.edge.drain().clone();
        let flows = Arc::new(move || app.flows.readiness().ready);
        Self { flows, drain, service }
    }

    /// The state of a service; none has the empty name, which stands for the whole server.
    fn state(&self, service: &str) -> Option<ServingStatus> {
        let known = service.is_empty() || service == self.service;
        let serving = (self.flows)() && !self.drain.is_draining();
        known.then_some(if serving { ServingStatus::Serving } else { ServingStatus::NotServing })
    }

    /// Waits until it may look different.
    async fn change(&self) {
        tokio::select! {
            () = self.drain.started(), if !self.drain.is_draining() => {}
            () = tokio::time::sleep(CHECK_EVERY) => {}
        }
    }
}

#[tonic::async_trait]
impl Health for Probe {
    async fn check(&self, call: Request<HealthCheckRequest>) -> Answer<HealthCheckResponse> {
        let state = self.state(&call.into_inner().service);
        let unknown = || fault(FlowError::new(ErrorKind::NotFound, "There is no such service."));
        Ok(message(state.ok_or_else(unknown)?).into())
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, mut call: Request<HealthCheckRequest>) -> Answer<Self::WatchStream> {
        let ctx = call.extensions_mut().remove::<Ctx>();
        let ctx = ctx.ok_or_else(|| fault(FlowError::internal("the procedure is outside the edge")))?;
        let (probe, service) = (self.clone(), call.into_inner().service);
        let cut = Box::pin(cut(ctx.deadline, self.drain.clone()));
        let states = stream::unfold((None, cut), move |(last, mut cut)| {
            let (probe, service) = (probe.clone(), service.clone());
            async move {
                loop {
                    let state = probe.state(&service).unwrap_or(ServingStatus::ServiceUnknown);
                    if last != Some(state) {
                        return Some((Ok(message(state)), (Some(state), cut)));
                    }
                    tokio::select! {
                        biased;
                        error = &mut cut => return Some((Err(error), (last, cut))),
                        () = probe.change() => {}
                    }
                }
            }
        });
        // tonic ends a stream with its first error.
        let states = states.map(move |it| it.map_err(|error| status(&error, &ctx.request)));
        Ok((Box::pin(states) as Self::WatchStream).into())
    }
}

fn message(state: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: state.into() }
}
