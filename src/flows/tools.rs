//! The tools a model may call.

use std::time::SystemTime;

use flow_runtime::{ModelError, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name flows refer to the tool by.
pub(super) const GET_CURRENT_TIME: &str = "get_current_time";

#[derive(Deserialize, JsonSchema)]
struct NoInput {}

#[derive(Serialize, JsonSchema)]
struct CurrentTime {
    /// RFC 3339, UTC, to the second.
    utc: String,
}

pub(super) fn get_current_time() -> Result<Tool, ModelError> {
    Tool::new(GET_CURRENT_TIME, "Tells the current date and time.", now)
}

async fn now(_: NoInput) -> Result<CurrentTime, ToolError> {
    Ok(CurrentTime { utc: humantime::format_rfc3339_seconds(SystemTime::now()).to_string() })
}
