//! What poem-openapi asks of types: their names. `flow_edge::openapi` adds the schemas and the errors.

use flow_edge::Schema;
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};

use crate::reply::{ErrorReply, Events, Output};

/// Makes a type's name known to poem-openapi, which looks every reference up.
pub(crate) fn register(registry: &mut Registry, name: &str) {
    registry.schemas.entry(name.to_owned()).or_insert_with(|| MetaSchema::new("object"));
}

/// JSON of the type of this name.
pub(crate) fn json(name: &str) -> MetaMediaType {
    MetaMediaType { content_type: "application/json", schema: MetaSchemaRef::Reference(name.to_owned()) }
}

/// A stream of events.
fn events() -> MetaMediaType {
    let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
    MetaMediaType { content_type: "text/event-stream", schema }
}

/// The one answer of an operation that is its own.
fn ok(content: MetaMediaType) -> MetaResponses {
    let ok = MetaResponse {
        description: "",
        status: Some(200),
        status_range: None,
        content: vec![content],
        headers: Vec::new(),
    };
    MetaResponses { responses: vec![ok] }
}

impl ApiResponse for ErrorReply {
    fn meta() -> MetaResponses {
        MetaResponses { responses: Vec::new() }
    }

    fn register(_: &mut Registry) {}
}

impl<T: Schema> ApiResponse for Output<T> {
    fn meta() -> MetaResponses {
        ok(json(T::NAME))
    }

    fn register(registry: &mut Registry) {
        register(registry, T::NAME);
    }
}

impl ApiResponse for Events {
    fn meta() -> MetaResponses {
        ok(events())
    }

    fn register(_: &mut Registry) {}
}
