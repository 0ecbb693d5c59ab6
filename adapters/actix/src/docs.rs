//! The OpenAPI document as utoipa sees it, and the documentation pages. Debug only.

use actix_web::HttpRequest;
use actix_web::web::ServiceConfig;
use flow_core::edge::not_found;
use flow_core::wire::Reply;
use flow_core::{docs, openapi};
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

use crate::reply::{Fault, Raw};
use crate::routes::read;

/// `{"status": "ok"}`, described in core.
#[derive(ToSchema)]
pub(crate) struct Health;

/// The state of the checks, described in core.
#[derive(ToSchema)]
pub(crate) struct Ready;

/// Mounts the document and its viewers.
pub(crate) fn mount(router: &mut ServiceConfig, api: &OpenApi) {
    let generated = serde_json::to_value(api).unwrap_or_default();
    let document = Reply::json(200, &openapi::complete(&generated));
    router
        .service(read("/openapi.json", move || std::future::ready(Raw(document.clone()))))
        .service(read("/docs", page))
        .service(read("/docs/{file}", page))
        .service(read("/redoc", page))
        .service(read("/redoc/{file}", page));
}

async fn page(request: HttpRequest) -> Result<Raw, Fault> {
    docs::page(request.path()).map(Raw).ok_or_else(|| not_found().into())
}
