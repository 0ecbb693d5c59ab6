//! One flat schema from a reference, its siblings, and the branches that are chosen.

use serde_json::{Map, Value};

/// The members of a schema that is an object.
pub(crate) type Schema = Map<String, Value>;

/// Deeper than this only what is required is filled, so that recursive schemas end.
pub(crate) const OPTIONAL_DEPTH: usize = 4;

/// No example is nested deeper than this, and no reference is followed further.
pub(crate) const MAX_DEPTH: usize = 32;

/// Where an example is being filled.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Tells the items of an array apart; alternatives take turns by it.
    pub(crate) index: usize,
    pub(crate) depth: usize,
}

/// `schema` with its references, its `allOf` and one branch of each choice written into it.
pub(crate) fn flatten(root: &Value, schema: &Value, place: Place) -> Schema {
    flatten_within(root, schema, place, MAX_DEPTH)
}

fn flatten_within(root: &Value, schema: &Value, place: Place, hops: usize) -> Schema {
    let Value::Object(own) = schema else { return Schema::new() };
    let mut flat = own.clone();
    let Some(hops) = hops.checked_sub(1) else { return flat };
    let mut parts = Vec::new();
    if let Some(Value::String(reference)) = flat.shift_remove("$ref") {
        parts.extend(reference.strip_prefix('#').and_then(|it| root.pointer(it)).cloned());
    }
    if let Some(Value::Array(all)) = flat.shift_remove("allOf") {
        parts.extend(all);
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = flat.shift_remove(choice) {
            parts.extend(choose(root, branches, place));
        }
    }
    for part in parts {
        merge(&mut flat, flatten_within(root, &part, place, hops));
    }
    flat
}

fn choose(root: &Value, branches: Vec<Value>, place: Place) -> Option<Value> {
    let deep = Place { depth: MAX_DEPTH, ..place };
    let type_of = |branch: &Value| match flatten_within(root, branch, deep, 2).get("type") {
        Some(Value::String(kind)) => kind.clone(),
        _ => String::new(),
    };
    let is_null = |branch: &Value| type_of(branch) == "null" || branch.get("const") == Some(&Value::Null);
    let (nulls, mut others): (Vec<_>, Vec<_>) = branches.into_iter().partition(is_null);
    if place.depth > OPTIONAL_DEPTH {
        // A recursive schema ends with null or with a branch that has no inside.
        if let Some(null) = nulls.into_iter().next() {
            return Some(null);
        }
        others.sort_by_key(|branch| matches!(type_of(branch).as_str(), "object" | "array" | ""));
        return others.into_iter().next();
    }
    let turn = place.index % others.len().max(1);
    others.into_iter().nth(turn).or_else(|| nulls.into_iter().next())
}

/// Adds the members of `part`. Properties and required names unite; of two bounds the narrower one stays, of two
/// other members the first.
fn merge(flat: &mut Schema, part: Schema) {
    for (key, value) in part {
        match (flat.get_mut(&key), value) {
            (Some(Value::Object(ours)), Value::Object(theirs)) => {
                for (name, schema) in theirs {
                    ours.entry(name).or_insert(schema);
                }
            }
            (Some(Value::Array(ours)), Value::Array(theirs)) if key == "required" => ours.extend(theirs),
            (Some(Value::Number(ours)), Value::Number(theirs)) => {
                let narrower =
                    if key.starts_with("max") || key.ends_with("Maximum") { f64::lt } else { f64::gt };
                if let (Some(mine), Some(other)) = (ours.as_f64(), theirs.as_f64())
                    && narrower(&other, &mine)
                {
                    *ours = theirs;
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                flat.insert(key, value);
            }
        }
    }
}
