//! What a metadata server adds.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::detected;

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
