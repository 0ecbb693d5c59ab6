//! The platform that this program runs on, and what its traces say of that.

use std::sync::{Arc, OnceLock};

use crate::platform::{Cloud, MetadataError, Platform, detect};

/// What the firmware calls the machine, on Linux.
const MACHINE: &str = "/sys/class/dmi/id/product_name";

/// The platform. Clones share what its metadata server has said.
#[derive(Clone, Debug, Default)]
pub struct Place {
    found: Option<Platform>,
    completed: Arc<OnceLock<(Platform, Result<(), MetadataError>)>>,
}

impl Place {
    /// The place that these variables are of.
    pub fn find(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let found = detect(environment, || std::fs::read_to_string(MACHINE).ok());
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

    /// What is known of it.
    pub fn known(&self) -> Option<&Platform> {
        self.completed.get().map(|it| &it.0).or(self.found.as_ref())
    }
}

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

#[cfg(test)]
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
        assert_eq!(place.known().unwrap().attribute("gcp.project_id"), Some("p-1"));
    }

    #[test]
    fn each_cloud_is_found_though_its_metadata_server_is_silent() {
        let run = place(&[("K_SERVICE", "shop"), ("GCE_METADATA_HOST", "127.0.0.1:9")]);
        // Nobody answers there: what the environment says is left.
        run.complete();
        assert!(run.completed.get().is_some_and(|it| it.1.is_err()));
        assert_eq!(run.cloud(), Some(Cloud::Google));
        let app_runner = place(&[("AWS_EXECUTION_ENV", "AWS_APP_RUNNER")]);
        assert_eq!(app_runner.cloud(), Some(Cloud::Aws));
        let azure = place(&[("CONTAINER_APP_NAME", "shop")]);
        assert_eq!(azure.cloud(), Some(Cloud::Azure));
    }
}
