//! The standard health service (`grpc.health.v1`), as load balancers and Kubernetes ask it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use flow_edge::drain::Drain;
use flow_edge::edge::Edge;
use flow_edge::{App, ErrorKind, FlowError, Ready};
use flow_listener::{Held, PerClient};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::extract::Ctx;
use crate::reply::{Answer, fault, status};
use crate::stream::cut;

/// How often readiness is checked for clients that watch it. Draining they learn at once.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// How many may watch at once: of one client, and in all. They need no key and are not counted as calls, so that
/// without a bound they would cost memory for nothing; each holds some kilobytes.
const MAX_WATCHERS_OF_ONE: usize = 100;
const MAX_WATCHERS: usize = 1000;

/// Serving while the flows are ready and the server takes work, as `/ready` says in REST.
#[derive(Clone)]
pub(crate) struct Probe {
    flows: Arc<dyn Fn() -> bool + Send + Sync>,
    drain: Drain,
    edge: Arc<Edge>,
    watchers: Arc<Semaphore>,
    of_clients: PerClient,
    service: &'static str,
}

impl Probe {
    pub(crate) fn new<F: Ready + ?Sized>(app: App<F>, service: &'static str) -> Self {
        let drain = app.edge.drain().clone();
        let flows = Arc::new(move || app.flows.readiness().ready);
        let watchers = Arc::new(Semaphore::new(MAX_WATCHERS));
        Self {
            flows,
            drain,
            edge: app.edge,
            watchers,
            of_clients: PerClient::new(MAX_WATCHERS_OF_ONE),
            service,
        }
    }

    /// The state of a service; none has the empty name, which stands for the whole server.
    fn state(&self, service: &str) -> Option<ServingStatus> {
        let known = service.is_empty() || service == self.service;
        let serving = (self.flows)() && !self.drain.is_draining();
        known.then_some(if serving { ServingStatus::Serving } else { ServingStatus::NotServing })
    }

    /// A place for one more watcher, if there is one.
    fn place(&self, peer: Option<&SocketAddr>) -> Option<(OwnedSemaphorePermit, Option<Held>)> {
        let place = self.watchers.clone().try_acquire_owned().ok()?;
        match peer.and_then(|it| self.edge.client_of_connection(it.ip())) {
            Some(client) => Some((place, Some(self.of_clients.hold(client)?))),
            None => Some((place, None)),
        }
    }

    /// Waits until it may look different.
    async fn change(&self) {
        tokio::select! {
            () = self.drain.draining_started(), if !self.drain.is_draining() => {}
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
        let place = self.place(call.extensions().get());
        let place = place.ok_or_else(|| fault(FlowError::rate_limited(CHECK_EVERY)))?;
        let (probe, service) = (self.clone(), call.into_inner().service);
        let cut = Box::pin(cut(ctx.deadline, self.drain.clone()));
        // A server without other work must not be gone before its watchers know.
        let untold = Some(self.drain.begin());
        let states = stream::unfold((None, cut, untold, place), move |(last, mut cut, mut untold, place)| {
            let (probe, service) = (probe.clone(), service.clone());
            async move {
                loop {
                    let draining = probe.drain.is_draining();
                    let state = probe.state(&service).unwrap_or(ServingStatus::ServiceUnknown);
                    if last != Some(state) {
                        return Some((Ok(message(state)), (Some(state), cut, untold, place)));
                    }
                    if draining {
                        // It was told before: whoever asks for more has taken that.
                        untold = None;
                    }
                    tokio::select! {
                        biased;
                        error = &mut cut => return Some((Err(error), (last, cut, None, place))),
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
