//! Converts Picoschema, Dotprompt's short notation for schemas, to JSON Schema.

use serde_json::{Map, Value, json};

use crate::error::PromptError;

/// Finds a schema by its name.
pub(crate) type FindSchema<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// A schema of a front matter as JSON Schema; a JSON Schema passes unchanged.
///
/// `path` is its place in the front matter, for errors.
pub(crate) fn to_json_schema(schema: &Value, path: &str, find: FindSchema<'_>) -> Result<Value, PromptError> {
    if let Some(map) = schema.as_object() {
        if is_json_schema_type(map.get("type")) {
            return Ok(schema.clone());
        }
        if map.get("properties").is_some_and(Value::is_object) {
            let mut schema = map.clone();
            schema.insert("type".into(), "object".into());
            return Ok(Value::Object(schema));
        }
    }
    convert(schema, path, find)
}

const SCALARS: [&str; 6] = ["any", "boolean", "integer", "null", "number", "string"];

/// The name of the property that stands for all others.
const WILDCARD: &str = "(*)";

fn is_json_schema_type(kind: Option<&Value>) -> bool {
    let is_type = |name: &str| SCALARS.contains(&name) || name == "object" || name == "array";
    match kind {
        Some(Value::String(name)) => is_type(name),
        Some(Value::Array(names)) => {
            !names.is_empty() && names.iter().all(|it| it.as_str().is_some_and(is_type))
        }
        _ => false,
    }
}

fn convert(schema: &Value, path: &str, find: FindSchema<'_>) -> Result<Value, PromptError> {
    match schema {
        Value::String(text) => scalar_or_named(text, path, find),
        Value::Object(fields) => object(fields, path, find),
        _ => Err(fault(path, "is neither a type name nor a mapping")),
    }
}

fn scalar_or_named(text: &str, path: &str, find: FindSchema<'_>) -> Result<Value, PromptError> {
    let (name, description) = described(text);
    let mut schema = match name {
        "any" => json!({}),
        name if SCALARS.contains(&name) => json!({ "type": name }),
        name => find(name).ok_or_else(|| fault(path, format!("names `{name}`, which is not known")))?,
    };
    describe(&mut schema, description);
    Ok(schema)
}

fn object(fields: &Map<String, Value>, path: &str, find: FindSchema<'_>) -> Result<Value, PromptError> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut additional = Value::Bool(false);
    for (key, value) in fields {
        let path = format!("{path}.{key}");
        if key == WILDCARD {
            additional = convert(value, &path, find)?;
            continue;
        }
        let key = Key::parse(key);
        if !key.is_optional {
            required.push(Value::from(key.name));
        }
        properties.insert(key.name.to_owned(), property(&key, value, &path, find)?);
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = Value::Array(required);
    }
    schema["additionalProperties"] = additional;
    Ok(schema)
}

fn property(key: &Key<'_>, value: &Value, path: &str, find: FindSchema<'_>) -> Result<Value, PromptError> {
    let mut schema = match key.kind {
        None | Some("object") => convert(value, path, find)?,
        Some("array") => json!({ "type": "array", "items": convert(value, path, find)? }),
        Some("enum") if value.is_array() => json!({ "enum": value }),
        Some("enum") => return Err(fault(path, "is an enum without a list of values")),
        Some(kind) => return Err(fault(path, format!("is of kind `{kind}`, not array, enum or object"))),
    };
    if key.is_optional {
        allow_null(&mut schema);
    }
    describe(&mut schema, key.description);
    Ok(schema)
}

/// A property's key: `name`, `name?`, `name(kind)`, `name?(kind, description)`.
struct Key<'a> {
    name: &'a str,
    is_optional: bool,
    kind: Option<&'a str>,
    description: Option<&'a str>,
}

impl<'a> Key<'a> {
    fn parse(key: &'a str) -> Self {
        let (name, kind) = match key.split_once('(') {
            Some((name, kind)) => (name.trim_end(), Some(kind.strip_suffix(')').unwrap_or(kind))),
            None => (key, None),
        };
        let (kind, description) = kind.map_or((None, None), |it| {
            let (kind, description) = described(it);
            (Some(kind), description)
        });
        Self {
            name: name.strip_suffix('?').unwrap_or(name),
            is_optional: name.ends_with('?'),
            kind,
            description,
        }
    }
}

/// Splits `type, description` at its first comma.
fn described(text: &str) -> (&str, Option<&str>) {
    match text.split_once(',') {
        Some((name, description)) => (name.trim(), Some(description.trim()).filter(|it| !it.is_empty())),
        None => (text.trim(), None),
    }
}

fn describe(schema: &mut Value, description: Option<&str>) {
    if let (Some(description), Some(map)) = (description, schema.as_object_mut()) {
        map.insert("description".into(), description.into());
    }
}

/// Lets an optional property be null, because models write null for what they leave out.
fn allow_null(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    if let Some(Value::String(name)) = map.get("type") {
        if name != "null" {
            let nullable = json!([name, "null"]);
            map.insert("type".into(), nullable);
        }
    } else if let Some(Value::Array(values)) = map.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

fn fault(path: &str, what: impl Into<String>) -> PromptError {
    PromptError::Schema { path: path.into(), what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert_text(yaml: &str) -> Result<Value, String> {
        let schema: Value = serde_saphyr::from_str(yaml).expect("YAML");
        to_json_schema(&schema, "output.schema", &|_| None).map_err(|error| error.to_string())
    }

    #[test]
    fn a_json_schema_passes_unchanged() {
        let schema = json!({ "type": ["string", "null"], "minLength": 1 });
        assert_eq!(to_json_schema(&schema, "", &|_| None).expect("passes"), schema);
    }

    #[test]
    fn a_description_may_hold_parentheses_and_commas() {
        let schema = convert_text("tags(array, a list (short), of tags): string").expect("converts");
        assert_eq!(schema["properties"]["tags"]["description"], "a list (short), of tags");
    }

    #[test]
    fn an_optional_null_is_still_one_type() {
        let schema = convert_text("a?: 'null'").expect("converts");
        assert_eq!(schema["properties"]["a"]["type"], "null");
    }

    #[test]
    fn a_wrong_schema_is_named_by_its_place() {
        assert_eq!(
            convert_text("a:\n  b(list): string").expect_err("no such kind"),
            "the schema at `output.schema.a.b(list)` is of kind `list`, not array, enum or object"
        );
        assert_eq!(
            convert_text("a: Foo").expect_err("no such schema"),
            "the schema at `output.schema.a` names `Foo`, which is not known"
        );
        assert_eq!(
            convert_text("a: 3").expect_err("a number"),
            "the schema at `output.schema.a` is neither a type name nor a mapping"
        );
    }
}
