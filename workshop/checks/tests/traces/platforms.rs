//! Where the program runs is in its traces, and its log is found by that platform's viewer.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use checks::Combination;
use reqwest::Client;
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use crate::collector::Collector;
use crate::{has, hex, one, start, translator};

/// A metadata server of Google's.
async fn metadata() -> (String, AbortOnDropHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let value = |Path(path): Path<String>| async move {
        match path.as_str() {
            "project/project-id" => "shop-1",
            "instance/region" => "projects/7/regions/europe-west1",
            "instance/id" => "00f1",
            _ => "",
        }
    };
    let app = Router::new().route("/computeMetadata/v1/{*path}", get(value));
    let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, AbortOnDropHandle::new(serving))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_platform_has_its_attributes_its_header_and_its_log() {
    const ID: &str = "0af7651916cd43dd8448eb211c80319c";
    let (google, _serving) = metadata().await;
    let google_trace = format!("projects/shop-1/traces/{ID}");
    for (environment, header, resource, member) in [
        (
            vec![("K_SERVICE", "jokes"), ("K_REVISION", "jokes-7"), ("GCE_METADATA_HOST", &*google)],
            ("x-cloud-trace-context", format!("{ID}/255;o=1")),
            vec![
                ("cloud.platform", "gcp_cloud_run"),
                ("cloud.account.id", "shop-1"),
                ("cloud.region", "europe-west1"),
                ("faas.name", "jokes"),
                ("faas.version", "jokes-7"),
            ],
            ("logging.googleapis.com/trace", &*google_trace),
        ),
        (
            vec![("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE"), ("AWS_REGION", "eu-west-1")],
            (
                "x-amzn-trace-id",
                "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1".into(),
            ),
            vec![("cloud.platform", "aws_ecs"), ("cloud.region", "eu-west-1")],
            ("xray_trace_id", "1-0af76519-16cd43dd8448eb211c80319c"),
        ),
        (
            vec![("CONTAINER_APP_NAME", "jokes"), ("CONTAINER_APP_REVISION", "jokes--7")],
            ("traceparent", format!("00-{ID}-b7ad6b7169203331-01")),
            vec![("cloud.provider", "azure"), ("faas.name", "jokes"), ("faas.version", "jokes--7")],
            ("trace_id", ID),
        ),
    ] {
        let (fake, collector) = (translator().await, Collector::start().await);
        let mut variables = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.http)];
        variables.extend(environment);
        let mut program = start(Combination::native("axum"), &fake, &variables);
        let request = Client::new().post(format!("http://{}/translate", program.address));
        let request = request.header(header.0, &header.1).json(&json!({"text": "Hello"}));
        assert_eq!(request.send().await.unwrap().status(), 200);
        let line = program.find(|it| (it["message"] == "answered").then(|| it.clone()));
        assert_eq!(line[member.0], Value::from(member.1), "{line:#}");
        program.signal("TERM");
        assert_eq!(program.wait(Duration::from_secs(15)).await, Some(0));
        let spans = collector.spans();
        let server = one(&spans, "POST /translate");
        assert_eq!(hex(&server.span.trace_id), ID);
        has(&server.resource, &resource);
    }
}
