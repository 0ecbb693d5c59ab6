//! What every server has beside its flows' own routes: flows by name, probes, and in debug the pages.

use std::rc::Rc;

use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::guard::{Any, Get, Head};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Path, ServiceConfig, ThinData};
use actix_web::{App as Application, Error, FromRequest, Handler, HttpRequest, Resource, Responder};
use flow_edge::wire::answer;
use flow_edge::{App, FlowError, NamedFlows, Ready, docs, openapi as document};
use serde_json::Value;
use utoipa::OpenApi;

use crate::convert::Fixed;
use crate::edge::pass;
use crate::extract::{Ctx, Named};
use crate::reply::{ErrorReply, Raw};

/// The routes of some flows.
pub trait Routes: OpenApi + Send + Sync + 'static {
    /// The flows.
    type Flows: ?Sized + NamedFlows;

    /// Their routes and handlers.
    fn routes(config: &mut ServiceConfig);
}

/// What `actix_web::App` is made of, whatever is wrapped around it.
pub(crate) trait Wrapped:
    ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>
    + 'static
{
}

impl<T> Wrapped for T where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>
        + 'static
{
}

/// Builds the application, behind the edge.
pub(crate) fn router<R: Routes>(app: App<R::Flows>) -> Application<impl Wrapped> {
    let edge = app.edge.clone();
    let fixed = Rc::new(Fixed::new(edge.fixed_headers()));
    let router = Application::new()
        .configure(R::routes)
        .service(post("/flows/{flow}", call_flow::<R>))
        .service(get("/health", health))
        .service(get("/healthz", health))
        .service(get("/ready", ready::<R>))
        .service(get("/readyz", ready::<R>));
    let router = if edge.debug() { router.configure(|it| documented::<R>(it, &app)) } else { router };
    router
        .default_service(web::to(async || ErrorReply(FlowError::no_route())))
        .app_data(ThinData(app))
        .wrap(from_fn(move |request, next| pass(edge.clone(), fixed.clone(), request, next)))
}

/// Makes the OpenAPI document of the routes.
pub(crate) fn openapi<R: Routes>(app: &App<R::Flows>) -> Value {
    let generated = serde_json::to_value(R::openapi()).unwrap_or_default();
    document::complete(&generated, app.flows.table(), &app.edge)
}

/// Mounts the document and the pages.
fn documented<R: Routes>(router: &mut ServiceConfig, app: &App<R::Flows>) {
    let document = openapi::<R>(app);
    let router = router
        .service(get("/", async || Raw(answer::redirect(docs::home()))))
        .service(get("/openapi.json", move || std::future::ready(Raw(answer::pretty(&document)))));
    docs::paths().fold(router, |router, path| router.service(get(path, page::<R>)));
}

/// A route that is called by POST. `utoipa-actix-web` would mount it by its attribute, but answers another method
/// with 404.
pub fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args, Output: Responder + 'static>,
    Args: FromRequest + 'static,
{
    web::resource(path).post(handler).default_service(web::to(no_such_method))
}

/// A route that is read. Unlike the others, the framework does not answer HEAD where it answers GET.
fn get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args, Output: Responder + 'static>,
    Args: FromRequest + 'static,
{
    let get_or_head = web::route().guard(Any(Get()).or(Head()));
    web::resource(path).route(get_or_head.to(handler)).default_service(web::to(no_such_method))
}

async fn call_flow<R: Routes>(
    ThinData(app): ThinData<App<R::Flows>>,
    ctx: Ctx,
    flow: Path<String>,
    Named(envelope): Named,
) -> Result<Raw, ErrorReply> {
    Ok(Raw(app.flows.call(&ctx.0, &flow, envelope).await?.0))
}

async fn health() -> Raw {
    Raw(answer::health())
}

async fn ready<R: Routes>(ThinData(app): ThinData<App<R::Flows>>) -> Raw {
    Raw(answer::ready(&app.flows.readiness(), app.edge.drain().is_draining()))
}

async fn page<R: Routes>(
    ThinData(app): ThinData<App<R::Flows>>,
    request: HttpRequest,
) -> Result<Raw, ErrorReply> {
    let uri = request.uri();
    let page = app.edge.pages().answer(uri.path(), uri.query(), app.flows.table());
    page.map(Raw).ok_or_else(|| FlowError::no_route().into())
}

async fn no_such_method() -> ErrorReply {
    ErrorReply(FlowError::no_such_method())
}
