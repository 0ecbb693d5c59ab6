//! JSON Schemas, compiled once, for models' answers and tools' arguments.

use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::ModelError;

/// How many violations are looked for at most: an answer may have millions.
const MAX_VIOLATIONS: usize = 20;

/// A named JSON Schema with its compiled validator; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct CompiledSchema {
    name: Arc<str>,
    value: Arc<Value>,
    validator: Arc<Validator>,
    forms: Arc<Forms>,
}

/// A schema's JSON in the forms that model servers take, by a name each.
type Forms = Mutex<Vec<(&'static str, Arc<RawValue>)>>;

/// The shape of a structured answer: a [`CompiledSchema`], the type it is read into, and the type's own rules.
///
/// Build one at start and keep it; building it compiles the schema.
#[derive(Debug)]
pub struct OutputSpec<T> {
    schema: CompiledSchema,
    rules: fn(&T) -> Vec<String>,
}

/// How an instance breaks its schema. For the model and the log; the `Violation` that a client gets is that of
/// `flow-edge`, on its own input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule it breaks, as a place in the schema. It quotes nothing of the instance, so it is safe to log.
    pub rule: String,
    /// Where in the instance and how, without the value, for the model to read.
    pub explanation: String,
}

impl CompiledSchema {
    /// Compiles a schema. An invalid schema is a defect on our side.
    pub fn compile(name: &str, value: Value) -> Result<Self, ModelError> {
        let validator = jsonschema::validator_for(&value).map_err(|error| {
            ModelError::internal(format!("the schema {name} does not compile: {}", error.masked()))
        })?;
        let (value, validator) = (value.into(), validator.into());
        Ok(Self { name: name.into(), value, validator, forms: Arc::default() })
    }

    /// The schema's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema itself.
    pub fn value(&self) -> &Arc<Value> {
        &self.value
    }

    /// The schema's JSON in some other form, such as a model server's; made once.
    pub fn form(&self, name: &'static str, make: impl FnOnce(&Value) -> Value) -> Arc<RawValue> {
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, form)) = forms.iter().find(|(known, _)| *known == name) {
            return form.clone();
        }
        // A `Value` has no map with keys that are not text, so writing it cannot fail.
        let form: Arc<RawValue> =
            serde_json::value::to_raw_value(&make(&self.value)).unwrap_or_default().into();
        forms.push((name, form.clone()));
        form
    }

    /// The ways in which `instance` breaks the schema, twenty at most; empty if it satisfies it.
    pub fn violations(&self, instance: &Value) -> Vec<Violation> {
        let describe = |error: jsonschema::ValidationError<'_>| Violation {
            rule: error.schema_path().to_string(),
            explanation: format!("at \"{}\": {}", error.instance_path(), error.masked()),
        };
        self.validator.iter_errors(instance).take(MAX_VIOLATIONS).map(describe).collect()
    }
}

// Derived, it would want `T: Clone`.
impl<T> Clone for OutputSpec<T> {
    fn clone(&self) -> Self {
        Self { schema: self.schema.clone(), rules: self.rules }
    }
}

impl<T: DeserializeOwned> OutputSpec<T> {
    /// A shape that `schema` describes and `T` deserializes.
    pub fn new(name: &str, schema: Value) -> Result<Self, ModelError> {
        Ok(Self { schema: CompiledSchema::compile(name, schema)?, rules: |_| Vec::new() })
    }

    /// A shape whose schema is compiled already.
    pub fn of(schema: &CompiledSchema) -> Self {
        Self { schema: schema.clone(), rules: |_| Vec::new() }
    }

    /// Adds rules that a schema cannot express. Each returned sentence names one fault, for the model to read.
    #[must_use]
    pub fn with_rules(mut self, rules: fn(&T) -> Vec<String>) -> Self {
        self.rules = rules;
        self
    }

    /// The schema.
    pub fn schema(&self) -> &CompiledSchema {
        &self.schema
    }

    pub(crate) fn read(&self, value: Value) -> Result<T, Vec<Violation>> {
        // Serde's message quotes a value, which only the model that sent it gets to read.
        let typed: T = serde_json::from_value(value)
            .map_err(|error| vec![Violation { rule: "(type)".into(), explanation: error.to_string() }])?;
        let faults = (self.rules)(&typed);
        if faults.is_empty() {
            return Ok(typed);
        }
        Err(faults.into_iter().map(|explanation| Violation { rule: "(rules)".into(), explanation }).collect())
    }
}
