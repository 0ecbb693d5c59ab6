//! Types that cross the wire: one definition each, from which everything else derives.
//!
//! serde gives the form, garde the limits, schemars the JSON Schema (it reads garde's attributes). OpenAPI, the
//! schema a model is asked to fill and the Genkit registry are all made from that JSON Schema.

use garde::Validate;
use jsonschema::Validator;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::openapi::RefOr;

/// A type that crosses the wire: it can be read, written, checked and described. Derived.
pub trait Schema:
    Serialize + DeserializeOwned + Validate<Context = ()> + JsonSchema + Send + Sync + 'static
{
    /// The type's name in OpenAPI and in the Genkit registry.
    const NAME: &'static str;

    /// Its JSON Schema (draft 2020-12) with every nested type written in place, made once.
    fn document() -> &'static Value;

    /// A compiled validator for [`document`](Self::document), made once.
    fn validator() -> &'static Validator;
}

/// The result of a flow that streams text: its last frame repeats what was streamed. Derived, by `#[streamed]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which of its members a stream of text repeats",
    note = "put `#[streamed]` on that member, or let the flow return a `FlowStream<{Self}, Partial>`"
)]
pub trait Streamed: Schema {
    /// The member's name in the last frame.
    const MEMBER: &'static str;

    /// The whole text.
    fn text(&self) -> &str;
}

/// A [`Schema`] type's name and JSON Schema, for a static table.
#[derive(Clone, Copy, Debug)]
pub struct TypeInfo {
    /// [`Schema::NAME`].
    pub name: &'static str,
    /// [`Schema::document`].
    pub document: fn() -> &'static Value,
}

impl TypeInfo {
    /// That of a type.
    pub const fn of<T: Schema>() -> Self {
        Self { name: T::NAME, document: T::document }
    }
}

/// Makes a type's JSON Schema.
#[doc(hidden)]
pub fn describe<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12()
        .with(|it| {
            // Model providers and Genkit's tools read a schema on its own, so it must not point elsewhere.
            it.inline_subschemas = true;
            it.meta_schema = None;
        })
        .into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    simplify(&mut schema);
    schema
}

/// Compiles a type's JSON Schema.
#[doc(hidden)]
#[expect(clippy::expect_used, reason = "schemars writes only schemas that compile")]
pub fn compile<T: Schema>() -> Validator {
    jsonschema::draft202012::new(T::document()).expect("a schema derived by schemars compiles")
}

/// A type's schema in utoipa's form.
#[doc(hidden)]
pub fn utoipa_schema<T: Schema>() -> RefOr<utoipa::openapi::Schema> {
    serde_json::from_value(T::document().clone()).unwrap_or_default()
}

/// Says the same in fewer keywords, for the models that know only some.
///
/// `format: uint8` and the like name Rust's types, and validators elsewhere warn about them. An enum whose
/// variants are documented comes as a list of constants, which models understand less well than `enum`. A default of
/// `null` says no more than that a member may be absent, and some generated clients send it as the text "null".
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.shift_remove("format");
            if members.get("default").is_some_and(Value::is_null) {
                members.shift_remove("default");
            }
            if let Some(Value::Array(options)) = members.get("oneOf") {
                let values: Option<Vec<_>> = options.iter().map(|it| it.get("const").cloned()).collect();
                if let Some(values) = values {
                    members.shift_remove("oneOf");
                    members.insert("type".into(), "string".into());
                    members.insert("enum".into(), values.into());
                }
            }
            members.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

/// Types for this crate's own tests.
#[cfg(test)]
pub(crate) mod samples {
    use garde::Validate;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use crate::Schema;

    /// A text to say, and the language it is in.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
    #[serde(default)]
    pub(crate) struct Request {
        #[garde(length(chars, max = 200))]
        pub(crate) text: String,
        #[garde(length(chars, max = 50), pattern("^[a-z]+$"))]
        pub(crate) language: String,
        #[garde(range(max = 10))]
        pub(crate) times: u8,
        #[garde(skip)]
        pub(crate) tone: Tone,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    pub(crate) enum Tone {
        /// Plain.
        Plain,
        /// Kind.
        Kind,
    }

    impl Default for Request {
        fn default() -> Self {
            Self { text: "hello".into(), language: "english".into(), times: 1, tone: Tone::Plain }
        }
    }

    /// What was said.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
    pub(crate) struct Response {
        #[garde(skip)]
        #[streamed]
        pub(crate) said: String,
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{Request, Response};
    use super::*;

    #[test]
    fn a_schema_stands_alone_in_plain_keywords() {
        let schema = Request::document();
        assert!(!schema.to_string().contains("$ref"), "it points outside itself");
        assert_eq!(schema["properties"]["tone"]["enum"], serde_json::json!(["plain", "kind"]));
        assert_eq!(schema["properties"]["times"].get("format"), None);
    }

    #[test]
    fn an_empty_object_is_a_valid_input_where_all_members_have_defaults() {
        let request: Request = serde_json::from_str("{}").unwrap();
        assert_eq!(request, Request::default());
        assert!(Request::validator().is_valid(&serde_json::json!({})));
        assert!(!Response::validator().is_valid(&serde_json::json!({})));
    }

    #[test]
    fn limits_written_once_reach_the_json_schema() {
        let schema = &Request::document()["properties"];
        assert_eq!(schema["language"]["maxLength"], 50);
        assert_eq!(schema["language"]["pattern"], "^[a-z]+$");
        assert_eq!(schema["times"]["maximum"], 10);
    }
}
