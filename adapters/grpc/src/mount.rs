//! What every server has beside its flows' own service: the standard health service and, in debug, reflection.

use std::collections::HashSet;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use flow_edge::{App, FlowError};
use futures_util::future::Either;
use http::{Request, Response};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic_health::pb::FILE_DESCRIPTOR_SET as HEALTH_DESCRIPTORS;
use tonic_health::pb::health_server::{HealthServer, SERVICE_NAME as HEALTH};
use tonic_reflection::pb::v1::server_reflection_server::SERVICE_NAME as REFLECTION;
use tonic_reflection::pb::v1alpha::server_reflection_server::SERVICE_NAME as REFLECTION_ALPHA;
use tonic_reflection::pb::{v1, v1alpha};
use tonic_reflection::server::Builder as Reflection;
use tower::Service;

use crate::health::Probe;
use crate::reply::fault;
use crate::service::{Mounted, Routes, mounted};

/// All services. A call goes to the one its path names.
#[derive(Clone)]
pub(crate) struct Router(Arc<[(&'static str, Mounted)]>);

/// Mounts the services.
pub(crate) fn router<R: Routes>(app: &App<R::Flows>) -> io::Result<Router> {
    let limit = app.edge.max_body_size();
    let health = HealthServer::new(Probe::new(app.clone(), R::SERVICE)).max_decoding_message_size(limit);
    let mut services = vec![(R::SERVICE, R::routes(app.clone())), named(health)];
    if app.edge.debug() {
        let reflection = || {
            Reflection::configure()
                .register_encoded_file_descriptor_set(R::DESCRIPTORS)
                .register_encoded_file_descriptor_set(HEALTH_DESCRIPTORS)
                // No method has them in its signature; tools show the details of errors with their help.
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
                // Each would know only itself, and the two would list different services.
                .include_reflection_service(false)
                .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET)
        };
        // grpcurl up to 1.8.6 and Python's clients speak v1alpha only, others v1 only.
        services.push(named(reflection().build_v1().map_err(io::Error::other)?));
        services.push(named(reflection().build_v1alpha().map_err(io::Error::other)?));
    }
    Ok(Router(services.into()))
}

fn named<S>(service: S) -> (&'static str, Mounted)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    (S::NAME, mounted(service))
}

/// Whether a path names one of the services.
pub(crate) fn is_served<R: Routes>(path: &str) -> bool {
    [R::SERVICE, HEALTH, REFLECTION, REFLECTION_ALPHA].contains(&service(path))
}

/// Whether a path is a probe's: exempt from API keys and rate limits, and answered while draining.
pub(crate) fn is_probe<R: Routes>(path: &str) -> bool {
    let service = service(path);
    let own_health = service == R::SERVICE && path.ends_with("/Health");
    own_health || [HEALTH, REFLECTION, REFLECTION_ALPHA].contains(&service)
}

/// The paths of the procedures that stream. Their messages are a few words each, which compressed would only grow
/// (as REST, whose streams are never compressed).
pub(crate) fn streams<R: Routes>() -> HashSet<String> {
    // They come from a build, which would have failed with worse ones.
    let files = FileDescriptorSet::decode(R::DESCRIPTORS).unwrap_or_default().file;
    let services = files.iter().flat_map(|it| &it.service);
    let methods = services.filter(|it| R::SERVICE.ends_with(it.name())).flat_map(|it| &it.method);
    methods.filter(|it| it.server_streaming()).map(|it| format!("/{}/{}", R::SERVICE, it.name())).collect()
}

/// The service that a path names.
fn service(path: &str) -> &str {
    path.strip_prefix('/').and_then(|it| it.split_once('/')).unwrap_or_default().0
}

impl Service<Request<Body>> for Router {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        Either<<Mounted as Service<Request<Body>>>::Future, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Generated services are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Request<Body>) -> Self::Future {
        let named = service(call.uri().path());
        match self.0.iter().find(|it| it.0 == named) {
            Some((_, service)) => Either::Left(service.clone().call(call)),
            None => Either::Right(ready(Ok(fault(FlowError::no_such_procedure()).into_http()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::FlowRoutes;

    #[test]
    fn every_flow_is_a_procedure_and_streams_where_it_streams() {
        let files = FileDescriptorSet::decode(FlowRoutes::DESCRIPTORS).unwrap().file;
        let methods: Vec<_> = files.iter().flat_map(|it| &it.service).flat_map(|it| &it.method).collect();
        for flow in api::FLOWS {
            let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
            let procedure: String = flow.name.split('_').map(capital).collect();
            let streamed =
                if flow.unary.is_some() { format!("{procedure}Stream") } else { procedure.clone() };
            let find =
                |name: &str| methods.iter().find(|it| it.name() == name).map(|it| it.server_streaming());
            if flow.unary.is_some() {
                assert_eq!(
                    find(&procedure),
                    Some(false),
                    "{procedure} is missing in the proto file, or streams"
                );
            }
            if flow.streamed.is_some() {
                assert_eq!(
                    find(&streamed),
                    Some(true),
                    "{streamed} is missing in the proto file, or does not stream"
                );
                assert!(streams::<FlowRoutes>().contains(&format!("/{}/{streamed}", FlowRoutes::SERVICE)));
            }
        }
    }

    #[test]
    fn probes_are_health_in_both_forms_and_reflection() {
        let own = |method: &str| format!("/{}/{method}", FlowRoutes::SERVICE);
        for (path, probe) in [
            (&*own("Health"), true),
            ("/grpc.health.v1.Health/Check", true),
            ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true),
            (&*own("Other"), false),
            ("/grpc.health.v1.Healthy/Check", false),
            ("/health", false),
            ("", false),
        ] {
            assert_eq!(is_probe::<FlowRoutes>(path), probe, "{path}");
        }
    }
}
