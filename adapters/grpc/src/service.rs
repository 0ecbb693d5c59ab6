//! A service of procedures, as it is mounted.

use std::convert::Infallible;

use flow_edge::{App, NamedFlows};
use http::{Request, Response};
use tonic::body::Body;
use tower::Service;
use tower::util::BoxCloneSyncService;

/// The procedures of some flows.
pub trait Routes: Send + Sync + 'static {
    /// The flows.
    type Flows: ?Sized + NamedFlows;

    /// The service's full name.
    const SERVICE: &'static str;

    /// The descriptors of its file and of all that it imports.
    const DESCRIPTORS: &'static [u8];

    /// The service.
    fn routes(app: App<Self::Flows>) -> Mounted;
}

/// A service of any kind, one type for all.
pub type Mounted = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Makes a service one of the common type.
pub fn mounted<S>(service: S) -> Mounted
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    Mounted::new(service)
}
