//! What a platform's viewer of logs looks for.

use std::fmt::{self, Write};

use tracing::Level;

/// The name of a level at Google.
pub(crate) const SEVERITY: &str = "severity";

/// What the viewer of a platform's logs finds a trace by, beside `trace_id` and `span_id`. That of Azure has these two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correlation {
    /// Cloud Logging of Google.
    Google {
        /// The project the traces are in, if it is known.
        project: Option<String>,
    },
    /// `CloudWatch` of AWS, with X-Ray.
    Aws,
}

impl Correlation {
    /// Writes the level of a line, where it has another name or other values.
    pub(crate) fn level(&self, to: &mut impl Write, level: Level) -> fmt::Result {
        let severity = match level {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            _ => "DEBUG",
        };
        match self {
            Self::Google { .. } => write!(to, r#","{SEVERITY}":"{severity}""#),
            Self::Aws => Ok(()),
        }
    }

    /// Writes what a line of a request has, whose trace has these ids.
    pub(crate) fn ids(
        &self,
        to: &mut impl Write,
        trace_id: &str,
        span_id: &str,
        is_recorded: bool,
    ) -> fmt::Result {
        match self {
            Self::Google { project } => {
                if let Some(project) = project {
                    write!(to, r#","logging.googleapis.com/trace":"projects/{project}/traces/{trace_id}""#)?;
                }
                write!(
                    to,
                    r#","logging.googleapis.com/spanId":"{span_id}","logging.googleapis.com/trace_sampled":{is_recorded}"#
                )
            }
            Self::Aws => match trace_id.split_at_checked(8) {
                Some((time, rest)) => write!(to, r#","xray_trace_id":"1-{time}-{rest}""#),
                None => Ok(()),
            },
        }
    }
}
