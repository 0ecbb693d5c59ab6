//! On a listener: actix-web's own, or ours.

use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::{Server, fn_factory};
use flow_edge::App;
use flow_listener::{HyperService, ListenerConfig, MAX_CONNECTIONS, Places, Serving, Starting};
use tokio_util::task::TaskTracker;

use crate::application::build;
use crate::bridge;
use crate::mount::Routes;
use crate::worker::Worker;

/// How long connections may take to carry their last bytes out.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// The most workers the framework starts.
const MAX_WORKERS: usize = 512;

/// actix-web's server: a thread that accepts, and worker threads with a runtime each.
///
/// It needs no `System`: the server's own future can be polled anywhere, only what workers run cannot move.
pub(crate) fn native<R: Routes>(config: ListenerConfig<R::Flows>) -> Serving {
    Box::pin(async move {
        let ListenerConfig { listener, app, workers, keep_alive, stop } = config;
        let connections = TaskTracker::new();
        let places = Places::new(app.edge.clone());
        let worker =
            Worker::<R> { app, keep_alive, stop: stop.clone(), connections: connections.clone(), places };
        // Dropping the server stops it: it joins the thread that accepts, and the workers end.
        let workers = workers.get().min(MAX_WORKERS);
        let mut server = Server::build()
            .workers(workers)
            .max_concurrent_connections(MAX_CONNECTIONS.div_ceil(workers))
            .disable_signals()
            .listen("flows", listener, move || {
                let worker = worker.clone();
                fn_factory(move || worker.clone().service())
            })?
            .run();
        tokio::select! {
            ended = &mut server => return ended,
            () = stop.cancelled() => {}
        }
        // This closes the listener. The connections see the stop themselves and are waited for here, since the
        // server looks only once a second whether they are done.
        drop(server.handle().stop(true));
        connections.close();
        tokio::select! {
            ended = server => ended,
            () = connections.wait() => Ok(()),
            () = tokio::time::sleep(LAST_BYTES) => Ok(()),
        }
    })
}

/// The application as our hyper listener calls it.
pub(crate) fn hyper<R: Routes>(app: App<R::Flows>) -> Starting {
    Box::pin(async move {
        let app = Rc::new(build::<R>(app).await?);
        let service: HyperService = Rc::new(move |request, peer| {
            let app = app.clone();
            Box::pin(async move { bridge::call(&*app, request, peer).await.map(|body| Box::pin(body) as _) })
        });
        Ok(service)
    })
}
