//! Amazon Web Services: containers of ECS and App Runner. Lambda is no place for this server.

use super::found::{Cloud, Metadata, Platform, Variable};

pub(super) fn detect(variable: Variable<'_>) -> Option<Platform> {
    let endpoint =
        variable("ECS_CONTAINER_METADATA_URI_V4").or_else(|| variable("ECS_CONTAINER_METADATA_URI"));
    let execution = variable("AWS_EXECUTION_ENV").filter(|it| !it.starts_with("AWS_Lambda"));
    let runs_in = execution.as_deref().unwrap_or_default();
    let letters: String = runs_in.chars().filter(char::is_ascii_alphanumeric).collect();
    let (name, platform) = if letters.to_ascii_lowercase().contains("apprunner") {
        ("App Runner", Some("aws_app_runner"))
    } else if endpoint.is_some() || runs_in.starts_with("AWS_ECS") {
        ("ECS", Some("aws_ecs"))
    } else if execution.is_some() {
        ("AWS", None)
    } else {
        return None;
    };
    let launch_type = match runs_in {
        "AWS_ECS_FARGATE" => Some("fargate"),
        "AWS_ECS_EC2" => Some("ec2"),
        _ => None,
    };
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let mut found = Platform::new(Cloud::Aws, name, platform)
        .with("cloud.region", region)
        .with("aws.ecs.launchtype", launch_type.filter(|_| platform == Some("aws_ecs")));
    if let Some(endpoint) = endpoint.filter(|_| platform == Some("aws_ecs")) {
        found.metadata = Metadata::Ecs(endpoint);
    }
    Some(found)
}
