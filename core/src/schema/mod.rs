//! The schemas of the flows: one definition each, from which everything else derives.
//!
//! serde gives the wire form, garde the limits, schemars the JSON Schema (it reads garde's attributes).
//! OpenAPI, the schema a model is asked to fill and the Genkit registry are all made from that JSON Schema.
//! Limits on text count Unicode scalar values (`chars`), as `docs/contract.md`, "Input", says.

mod code;
mod joke;
mod others;
mod review;

use garde::Validate;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use code::{CodeInput, CodeOutput};
pub use joke::{JokeInput, JokeResponse, StoryInput, StoryResponse};
pub use others::{
    CharacterInput, ChatInput, ChatResponse, Confidence, ImageInput, ImageResponse, RpgCharacter, Skills,
    TranslateInput, TranslationResult,
};
pub use review::{CodeReview, CodeReviewInput, Issue, Severity};

/// A type that crosses the wire: it can be read, written, checked and described.
pub trait Schema: Serialize + DeserializeOwned + Validate<Context = ()> + Send + Sync + 'static {
    /// The type's name in OpenAPI and in the Genkit registry.
    const NAME: &'static str;

    /// Its JSON Schema (draft 2020-12) with every nested type written in place, made once.
    fn document() -> &'static Value;

    /// A compiled validator for [`document`](Self::document), made once.
    fn validator() -> &'static jsonschema::Validator;
}

/// The result of a streaming flow: its last frame repeats the text that was streamed.
pub trait Streamed: Schema {
    /// The member's name in the last frame (`joke`, `story`).
    const MEMBER: &'static str;

    /// The whole text.
    fn text(&self) -> &str;
}

/// Implements [`Schema`] with the statics that a generic impl cannot have, and lists the types.
macro_rules! schemas {
    ($($type:ident),+ $(,)?) => {
        $(impl Schema for $type {
            const NAME: &'static str = stringify!($type);

            fn document() -> &'static Value {
                static SCHEMA: std::sync::LazyLock<Value> = std::sync::LazyLock::new(describe::<$type>);
                &SCHEMA
            }

            fn validator() -> &'static jsonschema::Validator {
                static VALIDATOR: std::sync::LazyLock<jsonschema::Validator> =
                    std::sync::LazyLock::new(|| compile(<$type as Schema>::document()));
                &VALIDATOR
            }
        }

        // utoipa's attributes on handlers name these types, so the impls must live beside them.
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                serde_json::from_value(<$type as Schema>::document().clone()).unwrap_or_default()
            }
        }

        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                <$type as Schema>::NAME.into()
            }
        })+

        /// Name and JSON Schema of every type that crosses the wire, in a fixed order.
        pub fn all() -> Vec<(&'static str, &'static Value)> {
            vec![$((<$type as Schema>::NAME, <$type as Schema>::document())),+]
        }
    };
}

schemas! {
    JokeInput, JokeResponse, StoryInput, StoryResponse, TranslateInput, TranslationResult, ImageInput,
    ImageResponse, CharacterInput, RpgCharacter, ChatInput, ChatResponse, CodeInput, CodeOutput,
    CodeReviewInput, CodeReview,
}

fn describe<T: JsonSchema>() -> Value {
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

/// Says the same in fewer keywords, for the models that know only some.
///
/// `format: uint8` and the like name Rust's types, and validators elsewhere warn about them. An enum whose
/// variants are documented comes as a list of constants, which models understand less well than `enum`.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.shift_remove("format");
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

#[expect(clippy::expect_used, reason = "the schemas are our own; the test below compiles every one of them")]
fn compile(schema: &Value) -> jsonschema::Validator {
    jsonschema::draft202012::new(schema).expect("a schema derived by schemars compiles")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_compiles_and_stands_alone() {
        for (name, schema) in all() {
            compile(schema);
            assert!(!schema.to_string().contains("$ref"), "{name} points outside itself");
        }
    }

    #[test]
    fn an_empty_object_is_a_valid_input_made_of_defaults() {
        let joke: JokeInput = serde_json::from_str("{}").unwrap();
        assert_eq!((joke.name.as_str(), joke.username), ("Mittens", None));
        assert!(CodeInput::validator().is_valid(&serde_json::json!({})));
    }

    #[test]
    fn limits_written_once_reach_the_json_schema() {
        let schema = CodeInput::document();
        assert_eq!(schema["properties"]["language"]["maxLength"], 50);
        assert_eq!(schema["properties"]["language"]["pattern"], "^[a-zA-Z#+]+$");
        assert_eq!(
            RpgCharacter::document()["properties"]["skills"]["properties"]["strength"]["maximum"],
            100
        );
    }

    #[test]
    fn limits_count_characters_not_bytes() {
        let input: CharacterInput =
            serde_json::from_value(serde_json::json!({"name": "ä".repeat(200)})).unwrap();
        assert!(input.validate().is_ok());
    }
}
