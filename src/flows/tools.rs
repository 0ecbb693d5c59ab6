//! The tools a model may call.

use flow_runtime::{ModelError, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let utc = now.format(&Rfc3339).map_err(|_| ToolError::from("the clock is out of range"))?;
    Ok(CurrentTime { utc })
}
