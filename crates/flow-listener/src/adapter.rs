//! What a framework's crate offers to be mounted: a name and two ways to be served. A protocol's crate has
//! one way, for a listener of its own or for one it shares.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use flow_edge::App;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// A web framework that serves the flows. Each adapter crate exports one as `ADAPTER`.
pub struct Adapter<F: ?Sized> {
    /// The framework's short name: the Cargo feature, the folder and the value of `--framework`.
    pub name: &'static str,

    /// Serves on the framework's own listener, until [`ListenerConfig::stop`] and what is being written is written.
    pub serve_natively: fn(ListenerConfig<F>) -> Serving,

    /// Makes the application for our hyper listener, once per worker thread and inside its `LocalSet`.
    pub hyper_service: fn(App<F>) -> Starting,

    /// Makes the OpenAPI document of the routes.
    pub openapi: fn(&App<F>) -> Value,
}

/// A protocol of remote procedure calls, served beside a web framework. Its crate exports one as `ADAPTER`.
pub struct RpcAdapter<F: ?Sized> {
    /// The protocol's short name: the Cargo feature and the folder.
    pub name: &'static str,

    /// The full name of the service whose procedures are the flows.
    pub service: &'static str,

    /// Makes the application for our hyper listener, as [`Adapter::hyper_service`] does.
    pub hyper_service: fn(App<F>) -> Starting,

    /// Whether a request is a call of this protocol's, where both share a port.
    pub claims: fn(&Request<Incoming>) -> bool,
}

/// Completes when the listener has stopped.
pub type Serving = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Marks a request that came over an encrypted connection of our own, among its extensions.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted;

/// An application on its way to being called by our hyper listener.
pub type Starting = Pin<Box<dyn Future<Output = io::Result<HyperService>>>>;

/// What a listener is given: a framework's own, or ours.
pub struct ListenerConfig<F: ?Sized> {
    /// Bound and non-blocking.
    pub listener: TcpListener,
    /// What to serve.
    pub app: App<F>,
    /// Worker threads, where the framework starts its own.
    pub workers: NonZeroUsize,
    /// How long an idle connection is kept. A listener that cannot tell an idle connection from a silent call keeps it
    /// for [`longest_silence`](crate::longest_silence).
    pub keep_alive: Duration,
    /// When to stop accepting and close idle connections. No work is under way then, only last bytes.
    pub stop: CancellationToken,
}

// Derived, they would ask for flows that can be copied.
impl<F: ?Sized> Clone for Adapter<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: ?Sized> Copy for Adapter<F> {}

impl<F: ?Sized> Clone for RpcAdapter<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: ?Sized> Copy for RpcAdapter<F> {}

/// An application as our hyper listener calls it. It lives on one thread, since some frameworks' do.
pub type HyperService = Rc<dyn Fn(Request<Incoming>, SocketAddr) -> HyperResponse>;

/// The answer of a [`HyperService`].
pub type HyperResponse = Pin<Box<dyn Future<Output = Response<HyperBody>>>>;

/// A body of any framework's, boxed once per answer.
pub type HyperBody = Pin<Box<dyn Body<Data = Bytes, Error = Box<dyn std::error::Error + Send + Sync>>>>;
