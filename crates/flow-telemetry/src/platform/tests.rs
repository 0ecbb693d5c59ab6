//! Environments, and what is found in them.

mod metadata;

use super::*;

const GCE: &str = "Google Compute Engine\n";

fn detected(environment: &[(&str, &str)], machine: &str) -> Option<Platform> {
    let of = |name: &str| environment.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
    detect(&of, || Some(machine.to_owned()))
}

/// An environment, the firmware's name of the machine, the platform's name, and its attributes in short.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a [(&'a str, &'a str)]);

fn check(rows: &[Row<'_>]) {
    for (environment, machine, name, attributes) in rows {
        let found = detected(environment, machine).unwrap_or_else(|| panic!("{name}: {environment:?}"));
        assert_eq!(found.name, *name);
        let expected: Vec<_> = attributes.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
        assert_eq!(found.attributes, expected, "{environment:?}");
    }
}

#[test]
fn google_s_platforms_are_found_with_what_their_environment_says() {
    check(&[
        (
            &[("K_SERVICE", "shop"), ("K_REVISION", "shop-7"), ("K_CONFIGURATION", "shop")],
            "",
            "Cloud Run",
            &[
                ("cloud.provider", "gcp"),
                ("cloud.platform", "gcp_cloud_run"),
                ("faas.name", "shop"),
                ("faas.version", "shop-7"),
            ],
        ),
        (
            &[("K_SERVICE", "shop"), ("GOOGLE_CLOUD_PROJECT", "p-1")],
            GCE,
            "Cloud Run",
            &[
                ("cloud.provider", "gcp"),
                ("cloud.platform", "gcp_cloud_run"),
                ("cloud.account.id", "p-1"),
                ("gcp.project_id", "p-1"),
                ("faas.name", "shop"),
            ],
        ),
        (
            &[
                ("CLOUD_RUN_JOB", "nightly"),
                ("CLOUD_RUN_EXECUTION", "nightly-x"),
                ("CLOUD_RUN_TASK_INDEX", "2"),
            ],
            "",
            "Cloud Run jobs",
            &[
                ("cloud.provider", "gcp"),
                ("cloud.platform", "gcp_cloud_run"),
                ("faas.name", "nightly"),
                ("gcp.cloud_run.job.execution", "nightly-x"),
                ("gcp.cloud_run.job.task_index", "2"),
            ],
        ),
        (
            &[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("HOSTNAME", "shop-abc")],
            GCE,
            "Kubernetes Engine",
            &[
                ("cloud.provider", "gcp"),
                ("cloud.platform", "gcp_kubernetes_engine"),
                ("k8s.pod.name", "shop-abc"),
                ("service.instance.id", "shop-abc"),
            ],
        ),
        // Knative on Google's Kubernetes is no Cloud Run.
        (
            &[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("K_SERVICE", "shop"), ("GCE_METADATA_HOST", "h")],
            "",
            "Kubernetes Engine",
            &[("cloud.provider", "gcp"), ("cloud.platform", "gcp_kubernetes_engine")],
        ),
        (&[], GCE, "Compute Engine", &[("cloud.provider", "gcp"), ("cloud.platform", "gcp_compute_engine")]),
        (
            &[("GCE_METADATA_HOST", "169.254.169.254")],
            "",
            "Compute Engine",
            &[("cloud.provider", "gcp"), ("cloud.platform", "gcp_compute_engine")],
        ),
    ]);
}

#[test]
fn those_of_aws_are() {
    check(&[
        (
            &[
                ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/a"),
                ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE"),
                ("AWS_DEFAULT_REGION", "eu-west-1"),
                ("AWS_REGION", "eu-central-1"),
            ],
            "",
            "ECS",
            &[
                ("cloud.provider", "aws"),
                ("cloud.platform", "aws_ecs"),
                ("cloud.region", "eu-central-1"),
                ("aws.ecs.launchtype", "fargate"),
            ],
        ),
        (
            &[
                ("ECS_CONTAINER_METADATA_URI", "http://169.254.170.2/v3/a"),
                ("AWS_EXECUTION_ENV", "AWS_ECS_EC2"),
            ],
            "",
            "ECS",
            &[("cloud.provider", "aws"), ("cloud.platform", "aws_ecs"), ("aws.ecs.launchtype", "ec2")],
        ),
        (
            &[("AWS_EXECUTION_ENV", "AWS_APP_RUNNER"), ("AWS_DEFAULT_REGION", "eu-west-1")],
            "",
            "App Runner",
            &[("cloud.provider", "aws"), ("cloud.platform", "aws_app_runner"), ("cloud.region", "eu-west-1")],
        ),
        (&[("AWS_EXECUTION_ENV", "something")], "", "AWS", &[("cloud.provider", "aws")]),
    ]);
}

#[test]
fn those_of_azure_are() {
    check(&[
        (
            &[
                ("CONTAINER_APP_NAME", "shop"),
                ("CONTAINER_APP_REVISION", "shop--3"),
                ("CONTAINER_APP_REPLICA_NAME", "shop--3-x"),
            ],
            "",
            "Container Apps",
            &[
                ("cloud.provider", "azure"),
                ("cloud.platform", "azure.container_apps"),
                ("faas.name", "shop"),
                ("faas.version", "shop--3"),
                ("faas.instance", "shop--3-x"),
                ("service.instance.id", "shop--3-x"),
            ],
        ),
        (
            &[
                ("WEBSITE_SITE_NAME", "shop"),
                ("WEBSITE_INSTANCE_ID", "i-1"),
                ("REGION_NAME", "westeurope"),
                ("WEBSITE_OWNER_NAME", "11-22+rg-space"),
            ],
            "",
            "App Service",
            &[
                ("cloud.provider", "azure"),
                ("cloud.platform", "azure.app_service"),
                ("cloud.region", "westeurope"),
                ("cloud.account.id", "11-22"),
                ("faas.name", "shop"),
                ("faas.instance", "i-1"),
                ("service.instance.id", "i-1"),
            ],
        ),
    ]);
}

#[test]
fn what_says_nothing_of_the_place_finds_none() {
    for environment in [
        &[][..],
        &[("GOOGLE_CLOUD_PROJECT", "p-1")],
        &[("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "AKIA")],
        &[("AWS_EXECUTION_ENV", "AWS_Lambda_rust")],
        &[("K_SERVICE", ""), ("CONTAINER_APP_NAME", "  ")],
        // Knative, and a Kubernetes, that are not Google's.
        &[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("K_SERVICE", "shop")],
        &[("REGION_NAME", "westeurope")],
    ] {
        assert_eq!(detected(environment, "OptiPlex 7050"), None, "{environment:?}");
    }
}

#[test]
fn the_machine_is_not_asked_where_the_environment_decides() {
    let run = |name: &str| (name == "K_SERVICE").then(|| "shop".to_owned());
    assert!(detect(&run, || panic!("no file is read")).is_some());
}
