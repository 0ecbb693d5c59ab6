//! What a platform's metadata server adds. It is asked only on that platform, once, at the start.

use std::future::Future;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde_json::Value;

use super::found::{GoogleService, Metadata, Platform};

/// How long the start waits for all answers together.
const LIMIT: Duration = Duration::from_secs(1);

/// The longest answer that is read, in bytes. That of a task has a few thousand.
const LONGEST: usize = 64 * 1024;

/// The longest value that is taken from one, in bytes. An Amazon resource name has 2,048 at most.
const LONGEST_VALUE: usize = 2048;

/// Why the metadata server said nothing.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// It could not be asked.
    #[error("it could not be asked")]
    Thread(#[from] std::io::Error),
    /// It did not answer, or refused to.
    #[error("it did not answer ({0})")]
    Silent(String),
}

/// Attributes that were found.
pub(super) type Found = Vec<(&'static str, String)>;

/// Runs this on a runtime of its own, and waits for nothing that it leaves behind. It has a thread of its own, too: who asks
/// may be on a runtime already.
pub(super) fn on_runtime<T: Send>(work: impl Future<Output = T> + Send) -> Result<T, MetadataError> {
    std::thread::scope(|scope| {
        let asking = std::thread::Builder::new().name("metadata".to_owned()).spawn_scoped(scope, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let done = runtime.block_on(work);
            // A name that is still being looked up would be waited for.
            runtime.shutdown_background();
            Ok(done)
        })?;
        asking.join().unwrap_or_else(|_| Err(MetadataError::Silent("asking it panicked".to_owned())))
    })
}

/// What the metadata server knows of this platform, and why it does not know more.
pub(super) async fn ask(platform: &Platform) -> (Found, Result<(), MetadataError>) {
    let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(LIMIT).build();
    let client = match client.map_err(|error| MetadataError::Silent(error.to_string())) {
        Ok(client) => client,
        Err(error) => return (Vec::new(), Err(error)),
    };
    match &platform.metadata {
        Metadata::Nobody => (Vec::new(), Ok(())),
        Metadata::Google { host, is_for } => google(&client, host, *is_for).await,
        Metadata::Ecs(endpoint) => ecs(&client, endpoint).await,
    }
}

async fn google(client: &Client, host: &str, is_for: GoogleService) -> (Found, Result<(), MetadataError>) {
    let get = async |path: &str| {
        let text = text(client, &format!("http://{host}/computeMetadata/v1/{path}")).await?;
        Ok::<_, MetadataError>(Some(text.trim().to_owned()).filter(|it| is_value(it)))
    };
    let place = match is_for {
        GoogleService::Run => "instance/region",
        GoogleService::Kubernetes => "instance/attributes/cluster-location",
        GoogleService::Machine => "instance/zone",
    };
    let cluster = async {
        match is_for {
            GoogleService::Kubernetes => get("instance/attributes/cluster-name").await,
            _ => Ok(None),
        }
    };
    let (project, place, instance, cluster) =
        tokio::join!(get("project/project-id"), get(place), get("instance/id"), cluster);
    let mut outcome = Ok(());
    let mut known = |answer: Result<Option<String>, MetadataError>| {
        answer.unwrap_or_else(|error| {
            outcome = Err(error);
            None
        })
    };
    let (project, place) = (known(project), known(place));
    let (instance, cluster) = (known(instance), known(cluster));
    let mut found = Found::new();
    let mut add = |name, value: Option<String>| found.extend(value.map(|it| (name, it)));
    add("cloud.account.id", project.clone());
    add("gcp.project_id", project);
    // `projects/123/regions/europe-west1`, or the last part alone.
    let place = place.and_then(|it| it.rsplit('/').next().map(str::to_owned));
    let (region, zone) = place.map_or((None, None), |it| region_and_zone(&it));
    add("cloud.region", region);
    add("cloud.availability_zone", zone);
    add("k8s.cluster.name", cluster);
    match is_for {
        GoogleService::Run => {
            add("faas.instance", instance.clone());
            add("service.instance.id", instance);
        }
        GoogleService::Kubernetes => add("host.id", instance),
        GoogleService::Machine => {
            add("host.id", instance.clone());
            add("service.instance.id", instance);
        }
    }
    (found, outcome)
}

/// A zone is a region's name and one more letter: `europe-west1-b`.
fn region_and_zone(place: &str) -> (Option<String>, Option<String>) {
    match place.rsplit_once('-') {
        Some((region, letter)) if letter.len() == 1 => (Some(region.to_owned()), Some(place.to_owned())),
        _ => (Some(place.to_owned()), None),
    }
}

async fn ecs(client: &Client, endpoint: &str) -> (Found, Result<(), MetadataError>) {
    let endpoint = endpoint.trim_end_matches('/');
    let task = format!("{endpoint}/task");
    let (task, container) = tokio::join!(json(client, &task), json(client, endpoint));
    let mut outcome = Ok(());
    let mut known = |answer: Result<Value, MetadataError>| {
        answer.unwrap_or_else(|error| {
            outcome = Err(error);
            Value::Null
        })
    };
    let (task, container) = (known(task), known(container));
    let of = |value: &Value, name: &str| value[name].as_str().filter(|it| is_value(it)).map(str::to_owned);
    let arn = of(&task, "TaskARN");
    // `arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID`
    let part = |nth| arn.as_deref()?.split(':').nth(nth).filter(|it| !it.is_empty()).map(str::to_owned);
    let id = arn.as_deref().and_then(|it| it.rsplit('/').next()).map(str::to_owned);
    // A cluster may be given by its name alone.
    let cluster = of(&task, "Cluster").filter(|it| it.starts_with("arn:"));
    let found = [
        ("cloud.region", part(3)),
        ("cloud.account.id", part(4)),
        ("cloud.availability_zone", of(&task, "AvailabilityZone")),
        ("aws.ecs.cluster.arn", cluster),
        ("aws.ecs.task.arn", arn.clone()),
        ("aws.ecs.task.id", id.clone()),
        ("aws.ecs.task.family", of(&task, "Family")),
        ("aws.ecs.task.revision", of(&task, "Revision")),
        ("aws.ecs.launchtype", of(&task, "LaunchType").map(|it| it.to_ascii_lowercase())),
        ("aws.ecs.container.arn", of(&container, "ContainerARN")),
        ("container.id", of(&container, "DockerId")),
        ("container.name", of(&container, "Name")),
        ("service.instance.id", id),
    ];
    (found.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(), outcome)
}

fn is_value(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_VALUE
        && text.bytes().all(|it| it.is_ascii_graphic() || it == b' ')
}

async fn json(client: &Client, url: &str) -> Result<Value, MetadataError> {
    let text = text(client, url).await?;
    serde_json::from_str(&text).map_err(|error| MetadataError::Silent(error.to_string()))
}

async fn text(client: &Client, url: &str) -> Result<String, MetadataError> {
    let silent = |error: &dyn std::fmt::Display| MetadataError::Silent(error.to_string());
    // Only plain HTTP leads to one: it is on this machine, or beside it.
    let url = Url::parse(url).ok().filter(|it| it.scheme() == "http");
    let url = url.ok_or_else(|| silent(&"it has no http URL"))?;
    // Google's refuses who does not send this header; the others do not mind it.
    let request = client.get(url).header("metadata-flavor", "Google");
    let response = request.send().await.and_then(reqwest::Response::error_for_status);
    let mut response = response.map_err(|error| silent(&error.without_url()))?;
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|error| silent(&error.without_url()))? {
        body.extend_from_slice(&bytes);
        if body.len() > LONGEST {
            return Err(silent(&"its answer is too long"));
        }
    }
    String::from_utf8(body).map_err(|error| silent(&error))
}
