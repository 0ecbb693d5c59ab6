//! Bodies of requests.

use flow_runtime::ModelError;
use serde::Serialize;
use serde_json::{Map, Value};

/// A body as JSON, with further members in it.
pub(crate) fn merged(
    body: &impl Serialize,
    extra: Option<&Map<String, Value>>,
) -> Result<Vec<u8>, ModelError> {
    let failed = |_| ModelError::internal("the request could not be written");
    let Some(extra) = extra.filter(|it| !it.is_empty()) else {
        return serde_json::to_vec(body).map_err(failed);
    };
    let mut body = serde_json::to_value(body).map_err(failed)?;
    for (name, value) in extra {
        put(&mut body[name.as_str()], value);
    }
    serde_json::to_vec(&body).map_err(failed)
}

/// Objects are merged, all else is replaced.
fn put(place: &mut Value, value: &Value) {
    match (place, value) {
        (Value::Object(members), Value::Object(more)) => {
            for (name, value) in more {
                put(members.entry(name.as_str()).or_insert(Value::Null), value);
            }
        }
        (place, value) => value.clone_into(place),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn further_members_go_into_the_objects_that_are_there() {
        let body = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        let extra = json!({"a": {"b": 3, "x": {"y": 4}}, "d": [2], "e": true});
        let merged = merged(&body, extra.as_object()).unwrap();
        let merged: Value = serde_json::from_slice(&merged).unwrap();
        assert_eq!(merged, json!({"a": {"b": 3, "c": 2, "x": {"y": 4}}, "d": [2], "e": true}));
    }
}
