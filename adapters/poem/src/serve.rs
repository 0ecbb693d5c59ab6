//! On a listener: poem's own, or ours.

use std::rc::Rc;
use std::time::Duration;

use flow_edge::App;
use flow_listener::{BoundedListener, HyperBody, HyperService, ListenerConfig, Serving, Starting, http2};
use http_body_util::BodyExt;
use hyper::Response;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Server};

use crate::accept::Acceptor;
use crate::mount::{Routes, router};

/// How long connections may take to write their last bytes. poem would wait for ever for a client that
/// does not read them.
const LAST_BYTES: Duration = Duration::from_millis(300);

/// `poem::Server`: HTTP/1.1 and h2c on the runtime the program runs on, which has the worker threads.
pub(crate) fn native<R: Routes>(config: ListenerConfig<R::Flows>) -> Serving {
    Box::pin(async move {
        let listener = BoundedListener::new(config.listener, config.app.edge.clone(), config.keep_alive)?;
        let app = router::<R>(config.app);
        Server::new_with_acceptor(Acceptor(listener))
            .idle_timeout(config.keep_alive)
            // hyper's own limit, which poem lifts.
            .http2_max_concurrent_streams(http2::MAX_STREAMS)
            .run_with_graceful_shutdown(app, config.stop.cancelled_owned(), Some(LAST_BYTES))
            .await
    })
}

/// The router as our hyper listener calls it.
pub(crate) fn hyper<R: Routes>(app: App<R::Flows>) -> Starting {
    let router = Rc::new(router::<R>(app));
    let service: HyperService = Rc::new(move |request, peer| {
        let router = router.clone();
        let request = (request, LocalAddr::default(), RemoteAddr(peer.into()), Scheme::HTTP).into();
        Box::pin(async move {
            let response: Response<_> = router.get_response(request).await.into();
            response.map(|body| Box::pin(body.map_err(Into::into)) as HyperBody)
        })
    });
    Box::pin(async move { Ok(service) })
}
