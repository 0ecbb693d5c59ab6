//! The OpenAPI document as utoipa sees it, and the documentation pages. Debug only.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flow_core::adapter::App;
use flow_core::edge::not_found;
use flow_core::wire::Reply;
use flow_core::{docs, openapi};
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

use crate::reply::{Fault, Raw};

/// `{"status": "ok"}`, described in core.
#[derive(ToSchema)]
pub(crate) struct Health;

/// The state of the checks, described in core.
#[derive(ToSchema)]
pub(crate) struct Ready;

/// Mounts the document and its viewers.
pub(crate) fn mount(router: Router<App>, api: &OpenApi) -> Router<App> {
    let generated = serde_json::to_value(api).unwrap_or_default();
    let document = Reply::json(200, &openapi::complete(&generated));
    router
        .route("/openapi.json", get(async move || Raw(document)))
        .route("/docs", get(page))
        .route("/docs/{file}", get(page))
        .route("/redoc", get(page))
        .route("/redoc/{file}", get(page))
}

async fn page(request: Request) -> Response {
    match docs::page(request.uri().path()) {
        Some(page) => Raw(page).into_response(),
        None => Fault::from(not_found()).into_response(),
    }
}
