//! Microsoft Azure: Container Apps and App Service. The environment says all there is to say.

use super::found::{Cloud, Platform, Variable};

pub(super) fn detect(variable: Variable<'_>) -> Option<Platform> {
    if let Some(app) = variable("CONTAINER_APP_NAME") {
        let replica = variable("CONTAINER_APP_REPLICA_NAME");
        return Some(
            Platform::new(Cloud::Azure, "Container Apps", Some("azure.container_apps"))
                .with("faas.name", Some(app))
                .with("faas.version", variable("CONTAINER_APP_REVISION"))
                .with("faas.instance", replica.clone())
                .with("service.instance.id", replica),
        );
    }
    let site = variable("WEBSITE_SITE_NAME")?;
    let instance = variable("WEBSITE_INSTANCE_ID");
    // The subscription's id, a plus sign, and names that matter to Azure alone.
    let owner = variable("WEBSITE_OWNER_NAME");
    let subscription = owner.as_deref().and_then(|it| it.split_once('+')).map(|it| it.0);
    Some(
        Platform::new(Cloud::Azure, "App Service", Some("azure.app_service"))
            .with("cloud.region", variable("REGION_NAME"))
            .with("cloud.account.id", subscription)
            .with("faas.name", Some(site))
            .with("faas.instance", instance.clone())
            .with("service.instance.id", instance),
    )
}
