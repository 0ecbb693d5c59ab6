//! The OpenAPI document as poem-openapi sees it, and the documentation pages. Debug only.

use flow_core::edge::not_found;
use flow_core::wire::Reply;
use flow_core::{docs, openapi};
use poem::endpoint::make_sync;
use poem::http::Uri;
use poem::{IntoResponse, Response, Route, get, handler};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};

use crate::reply::{Fault, Raw};

/// `{"status": "ok"}`, described in core.
pub(crate) struct Health(pub(crate) Raw);

/// The state of the checks, described in core.
pub(crate) struct Ready(pub(crate) Raw);

/// Mounts the document and its viewers.
pub(crate) fn mount(router: Route, spec: &str) -> Route {
    let generated = serde_json::from_str(spec).unwrap_or_default();
    let document = Reply::json(200, &openapi::complete(&generated));
    router
        .at("/openapi.json", get(make_sync(move |_| Raw(document.clone()))))
        .at("/docs", get(page))
        .at("/docs/:file", get(page))
        .at("/redoc", get(page))
        .at("/redoc/:file", get(page))
}

#[handler]
fn page(uri: &Uri) -> Result<Raw, Fault> {
    match docs::page(uri.path()) {
        Some(page) => Ok(Raw(page)),
        None => Err(not_found().into()),
    }
}

/// Makes a type's name known to poem-openapi, which looks every reference up. Core adds the schema itself.
pub(crate) fn register(registry: &mut Registry, name: &str) {
    registry.schemas.entry(name.to_owned()).or_insert_with(|| MetaSchema::new("object"));
}

/// JSON of the type of this name.
pub(crate) fn json(name: &str) -> MetaMediaType {
    MetaMediaType { content_type: "application/json", schema: MetaSchemaRef::Reference(name.to_owned()) }
}

/// Text of this media type.
pub(crate) fn text(content_type: &'static str) -> MetaMediaType {
    MetaMediaType { content_type, schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))) }
}

/// The one answer of an operation that is its own; core adds its errors.
pub(crate) fn ok(content: Vec<MetaMediaType>) -> MetaResponses {
    let ok =
        MetaResponse { description: "", status: Some(200), status_range: None, content, headers: Vec::new() };
    MetaResponses { responses: vec![ok] }
}

impl IntoResponse for Health {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl ApiResponse for Health {
    fn meta() -> MetaResponses {
        ok(vec![json("Health")])
    }

    fn register(registry: &mut Registry) {
        register(registry, "Health");
    }
}

impl IntoResponse for Ready {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl ApiResponse for Ready {
    fn meta() -> MetaResponses {
        ok(vec![json("Ready")])
    }

    fn register(registry: &mut Registry) {
        register(registry, "Ready");
    }
}
