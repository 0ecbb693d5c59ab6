//! What every server has beside its flows' own routes: flows by name, probes, and in debug the pages.

use flow_edge::wire::answer;
use flow_edge::{App, FlowError, NamedFlows, Ready, docs, openapi as document};
use poem::endpoint::{BoxEndpoint, make_sync};
use poem::http::Uri;
use poem::web::{Data, Path};
use poem::{EndpointExt, Route, get, handler, post};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::Value;

use crate::edge::pass;
use crate::extract::{Ctx, Named};
use crate::reply::{ErrorReply, Raw};

/// The routes of some flows.
pub trait Routes: OpenApi + Sized + Send + Sync + 'static {
    /// The flows.
    type Flows: ?Sized + NamedFlows;

    /// Their routes and handlers.
    fn routes(app: App<Self::Flows>) -> Self;
}

/// The application, as handlers find it. Their type parameter must be in its type.
struct Mounted<R: Routes>(App<R::Flows>);

impl<R: Routes> Clone for Mounted<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Builds the application, behind the edge.
pub(crate) fn router<R: Routes>(app: App<R::Flows>) -> BoxEndpoint<'static> {
    let edge = app.edge.clone();
    let router = Route::new()
        .at("/flows/:flow", post(call_flow::<R>::default()))
        .at("/health", get(health))
        .at("/healthz", get(health))
        .at("/ready", get(ready::<R>::default()))
        .at("/readyz", get(ready::<R>::default()));
    let router = if edge.debug() { documented::<R>(router, &app) } else { router };
    let flows = OpenApiService::new(R::routes(app.clone()), "", "");
    // Nested at "/", they would take that path, too.
    let router = router.at("/<.+>", flows).data(Mounted::<R>(app));
    router.around(move |next, request| pass(edge.clone(), request, next)).boxed()
}

/// Makes the OpenAPI document of the routes.
pub(crate) fn openapi<R: Routes>(app: &App<R::Flows>) -> Value {
    let generated = OpenApiService::new(R::routes(app.clone()), "", "").spec();
    let generated = serde_json::from_str(&generated).unwrap_or_default();
    document::complete(&generated, app.flows.table(), &app.edge)
}

/// Mounts the document and the pages.
fn documented<R: Routes>(router: Route, app: &App<R::Flows>) -> Route {
    let document = openapi::<R>(app);
    let router = router
        .at("/", get(make_sync(|_| Raw(answer::redirect(docs::home())))))
        .at("/openapi.json", get(make_sync(move |_| Raw(answer::pretty(&document)))));
    docs::paths().fold(router, |router, path| router.at(path, get(page::<R>::default())))
}

#[handler]
async fn call_flow<R: Routes>(
    Data(Mounted(app)): Data<&Mounted<R>>,
    ctx: Ctx,
    Path(flow): Path<String>,
    Named(envelope): Named,
) -> Result<Raw, ErrorReply> {
    Ok(Raw(app.flows.call(&ctx.0, &flow, envelope).await?.0))
}

#[handler]
fn health() -> Raw {
    Raw(answer::health())
}

#[handler]
fn ready<R: Routes>(Data(Mounted(app)): Data<&Mounted<R>>) -> Raw {
    Raw(answer::ready(&app.flows.readiness(), app.edge.drain().is_draining()))
}

#[handler]
fn page<R: Routes>(Data(Mounted(app)): Data<&Mounted<R>>, uri: &Uri) -> Result<Raw, ErrorReply> {
    let page = app.edge.pages().answer(uri.path(), uri.query(), app.flows.table());
    page.map(Raw).ok_or_else(|| FlowError::no_route().into())
}
