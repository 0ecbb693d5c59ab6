//! What every server has beside its flows' own routes: flows by name, probes, and in debug the pages.

use std::convert::Infallible;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use flow_edge::wire::answer;
use flow_edge::{App, FlowError, NamedFlows, Ready, docs, openapi as document};
use serde_json::Value;
use tower_layer::Layer;
use tower_service::Service;
use utoipa_axum::router::OpenApiRouter;

use crate::edge::pass;
use crate::extract::{Ctx, Named};
use crate::reply::{ErrorReply, Raw};

/// The routes of some flows.
pub trait Routes: Send + Sync + 'static {
    /// The flows.
    type Flows: ?Sized + NamedFlows;

    /// Their routes and handlers.
    fn routes() -> OpenApiRouter<App<Self::Flows>>;
}

/// Builds the application, behind the edge.
///
/// The edge goes around the whole router, not into it with `Router::layer`: there, axum would still add an
/// `Allow` header to what the edge answered.
pub(crate) fn router<R: Routes>(
    app: App<R::Flows>,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {
    let edge = app.edge.clone();
    let router = Router::from(R::routes())
        .route("/flows/{flow}", post(call_flow::<R>))
        .route("/health", get(health))
        .route("/healthz", get(health))
        .route("/ready", get(ready::<R>))
        .route("/readyz", get(ready::<R>));
    let router = if edge.debug() { documented::<R>(router, &app) } else { router };
    let router = router
        .fallback(async || ErrorReply(FlowError::no_route()))
        .method_not_allowed_fallback(async || ErrorReply(FlowError::no_such_method()));
    from_fn_with_state(edge, pass).layer(router.with_state(app))
}

/// Makes the OpenAPI document of the routes.
pub(crate) fn openapi<R: Routes>(app: &App<R::Flows>) -> Value {
    let generated = serde_json::to_value(R::routes().get_openapi()).unwrap_or_default();
    document::complete(&generated, app.flows.table(), &app.edge)
}

/// Mounts the document and the pages.
fn documented<R: Routes>(router: Router<App<R::Flows>>, app: &App<R::Flows>) -> Router<App<R::Flows>> {
    let document = openapi::<R>(app);
    let router = router
        .route("/", get(async || Raw(answer::redirect(docs::home()))))
        .route("/openapi.json", get(async move || Raw(answer::pretty(&document))));
    docs::paths().fold(router, |router, path| router.route(path, get(page::<R>)))
}

async fn call_flow<R: Routes>(
    State(app): State<App<R::Flows>>,
    ctx: Ctx,
    Path(flow): Path<String>,
    Named(envelope): Named,
) -> Result<Raw, ErrorReply> {
    Ok(Raw(app.flows.call(&ctx.0, &flow, envelope).await?.0))
}

async fn health() -> Raw {
    Raw(answer::health())
}

async fn ready<R: Routes>(State(app): State<App<R::Flows>>) -> Raw {
    Raw(answer::ready(&app.flows.readiness(), app.edge.drain().is_draining()))
}

async fn page<R: Routes>(State(app): State<App<R::Flows>>, uri: Uri) -> Result<Raw, ErrorReply> {
    let page = app.edge.pages().answer(uri.path(), uri.query(), app.flows.table());
    page.map(Raw).ok_or_else(|| FlowError::no_route().into())
}
