//! The platform this program runs on: what its traces and its log say of that.
//!
//! Without the feature `telemetry` there is none.

use std::fmt::{self, Write};
#[cfg(feature = "telemetry")]
use std::sync::{Arc, OnceLock};

#[cfg(feature = "telemetry")]
use telemetry::{Cloud, MetadataError, Platform};
use tracing::Level;

/// What the firmware calls the machine, on Linux.
#[cfg(feature = "telemetry")]
const MACHINE: &str = "/sys/class/dmi/id/product_name";

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

/// The platform. Clones share what its metadata server has said.
#[derive(Clone, Debug, Default)]
pub struct Place {
    #[cfg(feature = "telemetry")]
    found: Option<Platform>,
    #[cfg(feature = "telemetry")]
    completed: Arc<OnceLock<(Platform, Result<(), MetadataError>)>>,
}

#[cfg(feature = "telemetry")]
impl Place {
    /// The place that these variables are of.
    pub fn find(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let found = telemetry::detect(environment, || std::fs::read_to_string(MACHINE).ok());
        Self { found, completed: Arc::default() }
    }

    /// Asks the platform's metadata server, once. That takes a second at most.
    pub fn complete(&self) {
        if let Some(found) = &self.found {
            self.completed.get_or_init(|| found.clone().completed());
        }
    }

    /// Whose headers of a trace count.
    pub fn cloud(&self) -> Option<Cloud> {
        self.found.as_ref().map(|it| it.cloud)
    }

    /// What the log has for the platform's viewer.
    pub fn correlation(&self) -> Option<Correlation> {
        let platform = self.known()?;
        match platform.cloud {
            Cloud::Google => {
                let project = platform.attribute("gcp.project_id").map(str::to_owned);
                Some(Correlation::Google { project })
            }
            Cloud::Aws => Some(Correlation::Aws),
            Cloud::Azure => None,
        }
    }

    /// What traces say of this process: what was found, and what is set, which wins.
    pub fn resource(&self, set: &[(String, String)]) -> Vec<(String, String)> {
        let found = self.known().into_iter().flat_map(|it| &it.attributes);
        found.filter(|it| set.iter().all(|set| set.0 != it.0)).chain(set).cloned().collect()
    }

    /// Says it, once there is a log.
    pub fn tell(&self, has_collector: bool) {
        let Some(platform) = &self.found else { return };
        if !has_collector {
            tracing::info!(platform = platform.name, "{}", hint(platform.cloud));
        }
        if let Some((_, Err(error))) = self.completed.get() {
            tracing::debug!(platform = platform.name, %error, "traces lack what its metadata server knows");
        }
    }

    fn known(&self) -> Option<&Platform> {
        self.completed.get().map(|it| &it.0).or(self.found.as_ref())
    }
}

#[cfg(feature = "telemetry")]
fn hint(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Google => {
            "no traces are sent: set OTEL_EXPORTER_OTLP_ENDPOINT to a collector beside this container, which has the \
             credentials for Cloud Trace"
        }
        Cloud::Aws => {
            "no traces are sent: set OTEL_EXPORTER_OTLP_ENDPOINT to a collector beside this container, which has the \
             credentials for X-Ray"
        }
        Cloud::Azure => {
            "no traces are sent: set OTEL_EXPORTER_OTLP_ENDPOINT to a collector, or switch the OpenTelemetry agent of \
             Container Apps on, which sets it"
        }
    }
}

#[cfg(not(feature = "telemetry"))]
impl Place {
    /// Nobody is asked.
    pub fn complete(&self) {}

    /// Nothing.
    pub fn correlation(&self) -> Option<Correlation> {
        None
    }

    /// Nothing.
    pub fn tell(&self, _: bool) {}
}

#[cfg(all(test, feature = "telemetry"))]
mod tests {
    use super::*;

    fn place(environment: &[(&str, &str)]) -> Place {
        Place::find(&|name| environment.iter().find(|it| it.0 == name).map(|it| it.1.to_owned()))
    }

    #[test]
    fn what_is_set_wins_over_what_is_found() {
        let place = place(&[("K_SERVICE", "shop"), ("GOOGLE_CLOUD_PROJECT", "p-1")]);
        let set = [("faas.name", "mine"), ("team", "a")].map(|it| (it.0.to_owned(), it.1.to_owned()));
        let resource = place.resource(&set);
        let all = |name: &str| resource.iter().filter(|it| it.0 == name).map(|it| &*it.1).collect::<Vec<_>>();
        assert_eq!((all("faas.name"), all("team")), (vec!["mine"], vec!["a"]));
        assert_eq!(all("cloud.platform"), ["gcp_cloud_run"]);
        assert_eq!(place.correlation(), Some(Correlation::Google { project: Some("p-1".to_owned()) }));
    }

    #[test]
    fn each_cloud_has_its_headers_and_its_names_in_the_log() {
        let run = place(&[("K_SERVICE", "shop"), ("GCE_METADATA_HOST", "127.0.0.1:9")]);
        // Nobody answers there: what the environment says is left.
        run.complete();
        assert!(run.completed.get().is_some_and(|it| it.1.is_err()));
        assert_eq!(run.cloud(), Some(Cloud::Google));
        assert_eq!(run.correlation(), Some(Correlation::Google { project: None }));
        let app_runner = place(&[("AWS_EXECUTION_ENV", "AWS_APP_RUNNER")]);
        assert_eq!(
            (app_runner.cloud(), app_runner.correlation()),
            (Some(Cloud::Aws), Some(Correlation::Aws))
        );
        let azure = place(&[("CONTAINER_APP_NAME", "shop")]);
        assert_eq!((azure.cloud(), azure.correlation()), (Some(Cloud::Azure), None));
    }
}
