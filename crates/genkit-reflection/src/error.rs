//! Failures, as the tools read them.

use flow_edge::FlowError;
use flow_edge::edge::observe::rpc_status_name;
use flow_runtime::ModelError;
use serde_json::{Map, Value, json};

/// A failed run of an action.
///
/// Nothing in it holds a key or what a model's server said, except an answer of the flow's own.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ActionError {
    /// The canonical code (`google.rpc.Code`), not HTTP's.
    pub code: u8,
    /// One sentence.
    pub message: String,
    /// What else is known. The tools read its members unguarded, so it is always an object.
    pub details: Map<String, Value>,
}

/// Why the developer tools do not find this program.
#[derive(Debug, thiserror::Error)]
pub enum ReflectionError {
    /// No port of those that are tried is free.
    #[error("no port from {first} to {last} is free")]
    Port {
        /// The first that was tried.
        first: u16,
        /// The last.
        last: u16,
    },
    /// The file by which the tools find a program cannot be written.
    #[error("{path} cannot be written")]
    Discovery {
        /// Where it would be.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl ActionError {
    /// A failure with this canonical code.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Map::new() }
    }

    /// The input is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }

    /// There is nothing of this kind in this program.
    pub fn unimplemented(message: impl Into<String>) -> Self {
        Self::new(12, message)
    }

    /// Somebody asked for the run to end.
    pub fn cancelled() -> Self {
        Self::new(1, "Action was cancelled")
    }

    pub(crate) fn unknown_action(key: &str) -> Self {
        Self::new(5, format!("action {key} not found"))
    }

    pub(crate) fn too_many() -> Self {
        Self::new(8, "too many actions are running")
    }

    pub(crate) fn ending() -> Self {
        Self::new(14, "the server is shutting down")
    }

    pub(crate) fn panicked() -> Self {
        Self::new(13, "the action panicked")
    }

    /// The failure of a flow, from a frame of Genkit's client protocol.
    pub(crate) fn of_frame(error: &Value) -> Self {
        let status = error["status"].as_str().unwrap_or_default();
        let mut failure = Self::new(code_of(status), error["message"].as_str().unwrap_or(status));
        if let Some(Value::Object(details)) = error.get("details") {
            failure.details.extend(details.clone());
        }
        failure
    }

    /// The failure of a run, with its trace.
    pub(crate) fn into_json(mut self, trace: Option<&str>) -> Value {
        self.details.entry("stack").or_insert_with(|| self.message.clone().into());
        if let Some(trace) = trace {
            self.details.insert("traceId".to_owned(), trace.into());
        }
        json!({ "code": self.code, "message": self.message, "details": self.details })
    }
}

impl From<FlowError> for ActionError {
    fn from(error: FlowError) -> Self {
        let mut failure = Self::new(error.kind.row().status as u8, error.detail.clone());
        // A developer sees the cause, which is otherwise only in the log.
        let mut stack = error.detail.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(it) = cause {
            stack = format!("{stack}\n    caused by: {it}");
            cause = it.source();
        }
        failure.details.insert("stack".to_owned(), stack.into());
        if !error.violations.is_empty() {
            // The edge points from the root of a request's body.
            let faults = error.violations.iter().map(|it| {
                let path = it.pointer.strip_prefix("/data").unwrap_or(&it.pointer);
                json!({ "path": path, "message": it.detail })
            });
            failure.details.insert("errors".to_owned(), faults.collect());
            let faults = error.violations.iter().map(|it| {
                let path = it.pointer.strip_prefix("/data").unwrap_or(&it.pointer);
                format!("{path}: {}", it.detail)
            });
            let faults = faults.collect::<Vec<_>>().join("; ");
            failure.message = format!("{} {faults}", error.detail);
        }
        failure
    }
}

impl From<ModelError> for ActionError {
    fn from(error: ModelError) -> Self {
        flow_service::to_flow_error(error).into()
    }
}

/// The canonical code of this name; else that of `UNKNOWN`.
fn code_of(status: &str) -> u8 {
    (0..=16).find(|code| rpc_status_name(i32::from(*code)) == status).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use flow_edge::{ErrorKind, Violation};

    use super::*;

    #[test]
    fn details_are_an_object_whatever_failed() {
        let plain = ActionError::invalid("no").into_json(None);
        assert_eq!(plain, json!({"code": 3, "message": "no", "details": {"stack": "no"}}));
        let traced = ActionError::cancelled().into_json(Some("abc"));
        assert_eq!(traced["code"], 1);
        assert_eq!(traced["details"]["traceId"], "abc");
    }

    #[test]
    fn a_flow_s_failure_keeps_its_code_its_faults_and_its_cause() {
        let fault = Violation { pointer: "/data/text".to_owned(), detail: "is too long".to_owned() };
        let invalid = ActionError::from(FlowError::invalid(vec![fault]));
        assert_eq!(invalid.code, 3);
        assert_eq!(invalid.message, "The input has 1 fault. /text: is too long");
        assert_eq!(invalid.details["errors"], json!([{"path": "/text", "message": "is too long"}]));
        let failed = ActionError::from(ModelError::Timeout);
        assert_eq!(failed.code, 4);
        assert!(failed.details["stack"].as_str().unwrap().contains("caused by:"), "{failed:?}");
        assert_eq!(ActionError::from(FlowError::new(ErrorKind::NotFound, "x")).code, 5);
    }

    #[test]
    fn a_frame_s_status_becomes_its_number() {
        let failure = ActionError::of_frame(&json!({"status": "UNAVAILABLE", "message": "later"}));
        assert_eq!((failure.code, &*failure.message), (14, "later"));
        assert_eq!(ActionError::of_frame(&json!({"status": "NEW"})).code, 2);
    }
}
