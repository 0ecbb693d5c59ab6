//! Google Cloud: Cloud Run, its jobs, Kubernetes Engine, Compute Engine.

use super::found::{Cloud, GoogleService, Metadata, Platform, Variable};

/// What the firmware of Google's machines calls them.
const MACHINE: &str = "Google Compute Engine";

/// The metadata server, where `GCE_METADATA_HOST` names no other.
const METADATA: &str = "metadata.google.internal";

/// Cloud Run. Its variables are Knative's, which runs on any Kubernetes as well; Cloud Run is none.
pub(super) fn serverless(variable: Variable<'_>) -> Option<Platform> {
    if variable("KUBERNETES_SERVICE_HOST").is_some() {
        return None;
    }
    if let Some(service) = variable("K_SERVICE") {
        let run = platform(variable, "Cloud Run", "gcp_cloud_run", GoogleService::Run);
        let version = variable("K_REVISION");
        return Some(run.with("faas.name", Some(service)).with("faas.version", version));
    }
    let job = variable("CLOUD_RUN_JOB")?;
    let run = platform(variable, "Cloud Run jobs", "gcp_cloud_run", GoogleService::Run);
    Some(
        run.with("faas.name", Some(job))
            .with("gcp.cloud_run.job.execution", variable("CLOUD_RUN_EXECUTION"))
            .with("gcp.cloud_run.job.task_index", variable("CLOUD_RUN_TASK_INDEX")),
    )
}

/// A machine of Google's, or a container of Kubernetes on one.
pub(super) fn machine(variable: Variable<'_>, machine: impl FnOnce() -> Option<String>) -> Option<Platform> {
    let is_google =
        variable("GCE_METADATA_HOST").is_some() || machine().is_some_and(|it| it.trim() == MACHINE);
    if !is_google {
        return None;
    }
    if variable("KUBERNETES_SERVICE_HOST").is_none() {
        return Some(platform(variable, "Compute Engine", "gcp_compute_engine", GoogleService::Machine));
    }
    // The name of a container's host is that of its pod.
    let pod = variable("HOSTNAME");
    let kubernetes =
        platform(variable, "Kubernetes Engine", "gcp_kubernetes_engine", GoogleService::Kubernetes);
    Some(kubernetes.with("k8s.pod.name", pod.clone()).with("service.instance.id", pod))
}

fn platform(variable: Variable<'_>, name: &'static str, platform: &str, is_for: GoogleService) -> Platform {
    let host = variable("GCE_METADATA_HOST").unwrap_or_else(|| METADATA.to_owned());
    // Once it is known that this is Google Cloud, it does name the project.
    let project = variable("GOOGLE_CLOUD_PROJECT");
    let mut found = Platform::new(Cloud::Google, name, Some(platform))
        .with("cloud.account.id", project.clone())
        .with("gcp.project_id", project);
    found.metadata = Metadata::Google { host, is_for };
    found
}
