//! Why telemetry does not start.

/// Telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// There is no thread for it.
    #[error("its thread could not be started")]
    Thread(#[from] std::io::Error),
    /// The collector cannot be asked, because of what the settings say of it.
    #[error("its collector cannot be reached with these settings ({0})")]
    Exporter(String),
}
