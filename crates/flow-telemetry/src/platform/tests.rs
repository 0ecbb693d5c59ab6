//! Environments, and what is found in them.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const GCE: &str = "Google Compute Engine\n";

fn detected(environment: &[(&str, &str)], machine: &str) -> Option<Platform> {
    let of = |name: &str| environment.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
    detect(&of, || Some(machine.to_owned()))
}

/// An environment, the firmware's name of the machine, the platform's name, and its attributes in short.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a [(&'a str, &'a str)]);

#[test]
fn every_platform_is_found_with_what_its_environment_says() {
    let rows: &[Row<'_>] = &[
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
    ];
    for (environment, machine, name, attributes) in rows {
        let found = detected(environment, machine).unwrap_or_else(|| panic!("{name}: {environment:?}"));
        assert_eq!(found.name, *name);
        let expected: Vec<_> = attributes.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
        assert_eq!(found.attributes, expected, "{environment:?}");
    }
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

/// A metadata server that answers these paths; others are not found, and with none it is silent.
fn server(answers: &'static [(&'static str, &'static str)]) -> String {
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap().to_string()).unwrap();
            let mut kept = Vec::new();
            loop {
                let mut stream = listener.accept().await.unwrap().0;
                if answers.is_empty() {
                    kept.push(stream);
                    continue;
                }
                let mut head = vec![0; 4096];
                let length = stream.read(&mut head).await.unwrap();
                let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
                assert!(head.contains("metadata-flavor: google"), "{head}");
                let path = head.split(' ').nth(1).unwrap();
                let found = answers.iter().find(|it| it.0 == path);
                let (status, body) = found.map_or(("404 Not Found", "no"), |it| ("200 OK", it.1));
                let reply = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        });
    });
    address.recv().unwrap()
}

#[test]
fn google_s_server_adds_project_place_and_instance() {
    let host = server(&[
        ("/computemetadata/v1/project/project-id", "p-2\n"),
        ("/computemetadata/v1/instance/region", "projects/123/regions/europe-west1"),
        ("/computemetadata/v1/instance/zone", "projects/123/zones/europe-west1-b"),
        ("/computemetadata/v1/instance/id", "0087244a"),
    ]);
    let (run, outcome) =
        detected(&[("K_SERVICE", "shop"), ("GCE_METADATA_HOST", &host)], "").unwrap().completed();
    outcome.unwrap();
    for (name, value) in [
        ("cloud.account.id", "p-2"),
        ("gcp.project_id", "p-2"),
        ("cloud.region", "europe-west1"),
        ("faas.instance", "0087244a"),
        ("service.instance.id", "0087244a"),
    ] {
        assert_eq!(run.attribute(name), Some(value), "{name}");
    }
    let (machine, outcome) =
        detected(&[("GCE_METADATA_HOST", &host), ("GOOGLE_CLOUD_PROJECT", "p-1")], "").unwrap().completed();
    outcome.unwrap();
    for (name, value) in [
        ("cloud.account.id", "p-1"),
        ("cloud.region", "europe-west1"),
        ("cloud.availability_zone", "europe-west1-b"),
        ("host.id", "0087244a"),
    ] {
        assert_eq!(machine.attribute(name), Some(value), "{name}");
    }
}

#[test]
fn a_task_of_ecs_says_where_it_runs() {
    let task = r#"{"Cluster":"default","TaskARN":"arn:aws:ecs:eu-west-1:111122223333:task/default/158d1c8083dd",
        "Family":"shop","Revision":"26","AvailabilityZone":"eu-west-1b","LaunchType":"EC2","Containers":[]}"#;
    let container =
        r#"{"DockerId":"43481a6ce484","Name":"shop","ContainerARN":"arn:aws:ecs:eu-west-1:1:container/x"}"#;
    let task: &'static str = Box::leak(task.to_owned().into_boxed_str());
    let answers = Box::leak(Box::new([("/v4/a/task", task), ("/v4/a", container)]));
    let endpoint = format!("http://{}/v4/a", server(answers));
    let (ecs, outcome) = detected(&[("ECS_CONTAINER_METADATA_URI_V4", &endpoint)], "").unwrap().completed();
    outcome.unwrap();
    for (name, value) in [
        ("cloud.region", "eu-west-1"),
        ("cloud.account.id", "111122223333"),
        ("cloud.availability_zone", "eu-west-1b"),
        ("aws.ecs.task.arn", "arn:aws:ecs:eu-west-1:111122223333:task/default/158d1c8083dd"),
        ("aws.ecs.task.id", "158d1c8083dd"),
        ("aws.ecs.task.family", "shop"),
        ("aws.ecs.task.revision", "26"),
        ("aws.ecs.launchtype", "ec2"),
        ("aws.ecs.container.arn", "arn:aws:ecs:eu-west-1:1:container/x"),
        ("container.id", "43481a6ce484"),
        ("service.instance.id", "158d1c8083dd"),
    ] {
        assert_eq!(ecs.attribute(name), Some(value), "{name}");
    }
    assert_eq!(ecs.attribute("aws.ecs.cluster.arn"), None, "its name is none");
}

#[test]
fn a_server_that_is_silent_refuses_or_talks_nonsense_costs_a_second_at_most() {
    let silent = server(&[]);
    let refusing = server(&[("/", "")]);
    let long: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
    let nonsense = server(Box::leak(Box::new([("/v4/task", long), ("/v4", "<html>")])));
    for environment in [
        [("K_SERVICE", "shop"), ("GCE_METADATA_HOST", &*silent)],
        [("K_SERVICE", "shop"), ("GCE_METADATA_HOST", &refusing)],
        [("K_SERVICE", "shop"), ("GCE_METADATA_HOST", "127.0.0.1:9")],
        [("AWS_REGION", "a"), ("ECS_CONTAINER_METADATA_URI_V4", &format!("http://{nonsense}/v4"))],
        [("AWS_REGION", "a"), ("ECS_CONTAINER_METADATA_URI_V4", &format!("http://{silent}/v4"))],
        [("AWS_REGION", "a"), ("ECS_CONTAINER_METADATA_URI_V4", "file:///etc/passwd")],
    ] {
        let before = detected(&environment, "").unwrap();
        let began = Instant::now();
        let (after, outcome) = before.clone().completed();
        assert!(began.elapsed() < Duration::from_millis(1800), "{environment:?}: {:?}", began.elapsed());
        assert!(outcome.is_err(), "{environment:?}");
        assert_eq!(after.attributes, before.attributes, "{environment:?}");
    }
}
