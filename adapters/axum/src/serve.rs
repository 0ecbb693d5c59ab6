//! On a listener: axum's own, or ours.

use std::rc::Rc;

use axum::ServiceExt;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use flow_edge::App;
use flow_listener::{BoundedListener, HyperBody, HyperService, ListenerConfig, Serving, Starting};
use http_body_util::BodyExt;
use tower_service::Service;

use crate::listener::{Listener, Peer};
use crate::mount::{Routes, router};

/// `axum::serve`: HTTP/1.1 and h2c on the runtime the program runs on, which has the worker threads.
///
/// It has no limits on connections; our [`Listener`] gives it some.
pub(crate) fn native<R: Routes>(config: ListenerConfig<R::Flows>) -> Serving {
    Box::pin(async move {
        let listener = BoundedListener::new(config.listener, config.app.edge.clone(), config.keep_alive)?;
        let app = router::<R>(config.app).into_make_service_with_connect_info::<Peer>();
        axum::serve(Listener(listener), app).with_graceful_shutdown(config.stop.cancelled_owned()).await
    })
}

/// The router as our hyper listener calls it.
pub(crate) fn hyper<R: Routes>(app: App<R::Flows>) -> Starting {
    let router = router::<R>(app);
    let service: HyperService = Rc::new(move |request, peer| {
        let mut router = router.clone();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(Peer(peer)));
        Box::pin(async move {
            let Ok(response) = router.call(request).await;
            response.map(|body| Box::pin(body.map_err(Into::into)) as HyperBody)
        })
    });
    Box::pin(async move { Ok(service) })
}
