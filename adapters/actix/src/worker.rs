//! What actix-web's server runs on each of its threads: connections, in HTTP/1.1 or HTTP/2.
//!
//! HTTP/1.1 is the framework's own. Its HTTP/2 does not notice that a client resets a stream or leaves while
//! the handler or its body is silent (actix-http's `h2::Dispatcher` spawns each request and looks at its
//! stream again only to write), so a model would go on working for nobody. hyper's notices both; the
//! application below is the same.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use actix_http::{HttpService, Payload, Request};
use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Response, Service, ServiceFactory, ServiceResponse, fn_service};
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use actix_web::http::{ConnectionType, Version};
use flow_edge::App;
use flow_listener::{
    Activity, Bounded, Expired, HEAD_TIMEOUT, Places, Watched, http2 as limits, longest_silence,
};
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::application::{answer, build};
use crate::bridge;
use crate::mount::Routes;

/// How long a client may go on sending a body that is already refused.
const LINGER: Duration = Duration::from_secs(1);

/// How long to wait for the rest of a preface that came in parts, at first and at most. It doubles each time.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// What a worker is started with.
pub(crate) struct Worker<R: Routes> {
    pub(crate) app: App<R::Flows>,
    pub(crate) keep_alive: Duration,
    pub(crate) stop: CancellationToken,
    pub(crate) connections: TaskTracker,
    pub(crate) places: Places,
}

// Derived, it would ask for routes that can be cloned.
impl<R: Routes> Clone for Worker<R> {
    fn clone(&self) -> Self {
        let Self { app, keep_alive, stop, connections, places } = self;
        Self {
            app: app.clone(),
            keep_alive: *keep_alive,
            stop: stop.clone(),
            connections: connections.clone(),
            places: places.clone(),
        }
    }
}

impl<R: Routes> Worker<R> {
    /// Makes the service that the server calls with each connection on this thread.
    pub(crate) async fn service(
        self,
    ) -> io::Result<impl Service<TcpStream, Response = (), Error = io::Error>> {
        let max_body_size = self.app.edge.max_body_size();
        let silence = longest_silence(self.keep_alive, self.app.edge.request_timeout());
        let app = Rc::new(build::<R>(self.app).await?);
        let (called, stop) = (app.clone(), self.stop.clone());
        let http1 = HttpService::build()
            .keep_alive(self.keep_alive)
            .client_request_timeout(HEAD_TIMEOUT)
            .client_disconnect_timeout(LINGER)
            // A client that leaves is seen at once, and its handler and its stream are dropped.
            .h1_allow_half_closed(false)
            // Hidden in the documentation, but what actix-web's `HttpServer` itself closes idle connections by.
            .graceful_shutdown_signal(move || stop.clone().cancelled_owned())
            .h1(fn_service(move |request: Request| {
                let app = called.clone();
                async move { Ok::<_, Infallible>(http1_answer(&*app, request).await) }
            }))
            .new_service(())
            .await
            .map_err(|()| io::Error::other("the HTTP/1.1 service cannot be built"))?;
        let (http1, http2) = (
            Rc::new(http1),
            Rc::new(Http2 { builder: http2_builder(), keep_alive: self.keep_alive, max_body_size }),
        );
        Ok(fn_service(move |stream: TcpStream| {
            let (http1, http2, app, stop) = (http1.clone(), http2.clone(), app.clone(), self.stop.clone());
            let places = self.places.clone();
            let connection = async move {
                let peer = stream.peer_addr()?;
                let Some(place) = places.admit(peer.ip()) else { return Ok(()) };
                // A frame must leave when it is written. A failure here costs latency, nothing else.
                let _ = stream.set_nodelay(true);
                // Broken connections are the clients' business; the calls on them are in the access log.
                if starts_http2(&stream, &stop).await? {
                    http2.serve(stream, peer, app, stop).await;
                    drop(place);
                } else {
                    // The framework bounds how many connections there are, and how long one may be idle, by itself,
                    // but not how long a later head may take. It parses all that it has read, and a request that
                    // has to wait takes more than 6 KB.
                    let bounded = Bounded::new(stream, silence, max_body_size, place).in_short_reads();
                    let _ = http1.call((bounded, Some(peer))).await;
                }
                Ok(())
            };
            self.connections.track_future(connection)
        }))
    }
}

/// Looks which protocol a connection speaks, without taking its bytes.
async fn starts_http2(stream: &TcpStream, stop: &CancellationToken) -> io::Result<bool> {
    let look = async {
        let mut start = [0; limits::PREFACE.len()];
        let mut pause = LOOK_AGAIN.0;
        loop {
            let length = stream.peek(&mut start).await?;
            if length == 0 || !limits::PREFACE.starts_with(&start[..length]) {
                return Ok(false);
            }
            if length == limits::PREFACE.len() {
                return Ok(true);
            }
            // The bytes stay, so the socket stays readable: waiting for more of them must be a pause.
            sleep(pause).await;
            pause = (pause * 2).min(LOOK_AGAIN.1);
        }
    };
    tokio::select! {
        looked = timeout(HEAD_TIMEOUT, look) => looked?,
        () = stop.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// Answers in HTTP/1.1, with what the framework's encoder leaves out.
async fn http1_answer<S>(app: &S, request: Request) -> Response<BoxBody>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let version = request.version();
    let endless = asks_for_websocket_without_a_body(&request);
    let request = if endless { request.replace_payload(Payload::None).0 } else { request };
    let mut response = answer(app, request).await;
    if endless {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    // The head comes from a pool, with the version of the answer it was last used for.
    response.head_mut().version = version;
    if version < Version::HTTP_11 && response.body().size() == BodySize::Stream {
        // HTTP/1.0 knows no chunks; the end of the connection is the end of the stream.
        response.head_mut().no_chunking(true);
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}

/// For the framework, whatever follows such a request is its body, which never ends. Nothing here speaks WebSocket, so
/// it has none (RFC 9110 §7.8), and its connection ends with the answer.
fn asks_for_websocket_without_a_body(request: &Request) -> bool {
    let headers = request.head().headers();
    let websocket = headers.get(UPGRADE).is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"));
    websocket && !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING)
}

/// HTTP/2 on hyper.
struct Http2 {
    builder: http2::Builder<LocalExecutor>,
    keep_alive: Duration,
    max_body_size: usize,
}

fn http2_builder() -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::MAX_STREAMS)
        .max_pending_accept_reset_streams(limits::MAX_PENDING_RESETS)
        .max_header_list_size(limits::MAX_HEAD)
        .keep_alive_interval(limits::PING)
        .keep_alive_timeout(limits::PING);
    builder
}

impl Http2 {
    /// One connection, until it closes, falls silent for too long, or the server stops.
    async fn serve<S>(&self, stream: TcpStream, peer: SocketAddr, app: Rc<S>, stop: CancellationToken)
    where
        S: Service<Request, Response = ServiceResponse, Error = Error> + 'static,
    {
        let activity = Activity::new(self.keep_alive);
        let (counted, stream) =
            (activity.clone(), Watched::new(stream, self.max_body_size, activity.clone()));
        let service = hyper::service::service_fn(move |request| {
            let (app, request_activity) = (app.clone(), counted.begin(&request));
            async move {
                let response = bridge::call(&*app, request, peer).await;
                Ok::<_, Infallible>(response.map(|body| request_activity.track(Box::pin(body))))
            }
        });
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let mut stopping = false;
        loop {
            tokio::select! {
                _ = connection.as_mut() => return,
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = sleep_until(activity.next_check()) => match activity.expired() {
                    None => {}
                    Some(Expired::Idle) => connection.as_mut().graceful_shutdown(),
                    Some(Expired::Stalled) => return,
                }
            }
        }
    }
}

/// Runs HTTP/2's streams on the worker's own thread; its runtime owns them.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
