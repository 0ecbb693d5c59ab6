//! On a listener: axum's own, or ours.

use std::net::SocketAddr;
use std::rc::Rc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::ListenerExt;
use flow_core::adapter::{App, HyperBody, HyperService, Native, Serving, Starting};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use tower_service::Service;

use crate::routes::router;

/// `axum::serve`: HTTP/1.1 and h2c on the runtime the program runs on, which has the worker threads.
///
/// It has no setting for how long an idle connection is kept; the hyper listener has.
pub(crate) fn native(native: Native) -> Serving {
    Box::pin(async move {
        let listener = tokio::net::TcpListener::from_std(native.listener)?.tap_io(|stream| {
            // A frame must leave when it is written. A failure here costs latency, nothing else.
            let _ = stream.set_nodelay(true);
        });
        let app = router(native.app).into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, app).with_graceful_shutdown(native.stop.cancelled_owned()).await
    })
}

/// The router as our hyper listener calls it.
pub(crate) fn hyper(app: App) -> Starting {
    let router = router(app);
    let service: HyperService = Rc::new(move |request: Request<Incoming>, peer| {
        let mut router = router.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        Box::pin(async move {
            let Ok(response) = router.call(request).await;
            response.map(boxed)
        })
    });
    Box::pin(async move { Ok(service) })
}

fn boxed(body: Body) -> HyperBody {
    Box::pin(body.map_err(Into::into))
}
