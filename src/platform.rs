//! The platform that this program runs on, and what its log has for that platform's viewer.
//!
//! Without the feature `telemetry` there is none.

use flow_log::Correlation;
#[cfg(feature = "telemetry")]
pub use telemetry::Place;

/// There is none.
#[cfg(not(feature = "telemetry"))]
#[derive(Clone, Debug, Default)]
pub struct Place;

#[cfg(not(feature = "telemetry"))]
impl Place {
    /// Nobody is asked.
    pub fn complete(&self) {}

    /// Nothing.
    pub fn tell(&self, _: bool) {}
}

/// What the log has for the platform's viewer. That of Azure looks for `trace_id` and `span_id`, which it has anyway.
#[cfg(feature = "telemetry")]
pub fn correlation(place: &Place) -> Option<Correlation> {
    use telemetry::Cloud;

    let platform = place.known()?;
    match platform.cloud {
        Cloud::Google => {
            Some(Correlation::Google { project: platform.attribute("gcp.project_id").map(str::to_owned) })
        }
        Cloud::Aws => Some(Correlation::Aws),
        Cloud::Azure => None,
    }
}

/// Nothing.
#[cfg(not(feature = "telemetry"))]
pub fn correlation(_: &Place) -> Option<Correlation> {
    None
}
