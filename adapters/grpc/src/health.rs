//! The standard health service (`grpc.health.v1`), as load balancers and Kubernetes ask it.

use std::pin::Pin;
use std::time::Duration;

use flow_core::adapter::App;
use flow_core::{ErrorKind, FlowError};
use futures_util::{Stream, StreamExt, stream};
use tonic::{Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::extract::Ctx;
use crate::proto::genkit_service_server::SERVICE_NAME;
use crate::reply::{Answer, fault, status};
use crate::stream::cut;

/// How often readiness is looked at for clients that watch it. Draining they learn at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Serving while the flows are ready and the server takes work, as `/ready` says in REST.
#[derive(Clone)]
pub(crate) struct Probe(pub(crate) App);

impl Probe {
    /// The state of a service; none has the empty name, which stands for the whole server.
    fn look(&self, service: &str) -> Option<ServingStatus> {
        let known = service.is_empty() || service == SERVICE_NAME;
        let serving = self.0.flows.readiness().ready && !self.0.edge.drain().is_draining();
        known.then_some(if serving { ServingStatus::Serving } else { ServingStatus::NotServing })
    }

    /// Waits until it may look different.
    async fn change(&self) {
        let drain = self.0.edge.drain();
        tokio::select! {
            () = drain.started(), if !drain.is_draining() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

#[tonic::async_trait]
impl Health for Probe {
    async fn check(&self, call: Request<HealthCheckRequest>) -> Answer<HealthCheckResponse> {
        let state = self.look(&call.into_inner().service);
        let unknown = || fault(FlowError::new(ErrorKind::NotFound, "There is no such service."));
        Ok(message(state.ok_or_else(unknown)?).into())
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, mut call: Request<HealthCheckRequest>) -> Answer<Self::WatchStream> {
        let ctx = call.extensions_mut().remove::<Ctx>();
        let ctx = ctx.ok_or_else(|| fault(FlowError::internal("the procedure is outside the edge")))?;
        let (probe, service) = (self.clone(), call.into_inner().service);
        let cut = Box::pin(cut(ctx.deadline, self.0.edge.drain().clone()));
        let states = stream::unfold((None, cut), move |(last, mut cut)| {
            let (probe, service) = (probe.clone(), service.clone());
            async move {
                loop {
                    let state = probe.look(&service).unwrap_or(ServingStatus::ServiceUnknown);
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
        let states = states.map(move |it| it.map_err(|error| status(&error, &ctx.request.request_id)));
        Ok((Box::pin(states) as Self::WatchStream).into())
    }
}

fn message(state: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: state.into() }
}
