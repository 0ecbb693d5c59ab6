//! The runtime side of the developer tools, started and stopped.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::action::Registry;
use crate::discovery::{Discovery, Runtime, SPEC};
use crate::error::ReflectionError;
use crate::run::Runner;
use crate::server::{self, Api};
use crate::settings::ReflectionSettings;
use crate::socket;
use crate::traces::Traces;

/// How long the end waits for the last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What the developer tools find of a program. Dropped, it ends at once.
#[derive(Debug)]
pub struct Reflection {
    place: String,
    ending: CancellationToken,
    tasks: JoinSet<()>,
}

impl Reflection {
    /// Lets the tools find this program, until `end` is ready: by a file that names a server here, or where the settings
    /// name a server of theirs, by connecting to that. `quit` is awaited when the tools ask the program to end.
    pub async fn start(
        settings: &ReflectionSettings,
        registry: Registry,
        traces: Option<Arc<Traces>>,
        end: impl Future<Output = ()> + Send + 'static,
        quit: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Self, ReflectionError> {
        let ending = CancellationToken::new();
        let runner = Arc::new(Runner::new(registry, traces.clone(), ending.clone()));
        let (asked_to_quit, mut tasks) = (Arc::new(Notify::new()), JoinSet::new());
        let (place, discovery) = if let Some(url) = &settings.v2_server {
            connect(&mut tasks, url.clone(), settings, runner, ending.clone());
            (url.clone(), None)
        } else {
            let quit = asked_to_quit.clone();
            let (url, discovery) = serve(&mut tasks, settings, runner, quit, ending.clone()).await?;
            (url, Some(discovery))
        };
        if let Some(traces) = traces {
            tasks.spawn(async move { traces.send().await });
        }
        let ended = ending.clone();
        tasks.spawn(async move {
            let asked = async {
                asked_to_quit.notified().await;
                quit.await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = end => {}
                () = asked => {}
                () = ended.cancelled() => {}
            }
            // Nobody is to find what takes no more work.
            drop(discovery);
            ended.cancel();
        });
        Ok(Self { place, ending, tasks })
    }

    /// Where the tools find this program, or where it connects to.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Ends what runs, and waits for the last answers for at most a second.
    pub async fn stop(mut self) {
        self.ending.cancel();
        let last = async {
            // All but the one that sends traces end by themselves.
            while self.tasks.len() > 1 && self.tasks.join_next().await.is_some() {}
        };
        let _ = timeout(LAST_ANSWERS, last).await;
    }
}

/// Version 2: connects to the tools.
fn connect(
    tasks: &mut JoinSet<()>,
    url: String,
    settings: &ReflectionSettings,
    runner: Arc<Runner>,
    ending: CancellationToken,
) {
    use secrecy::ExposeSecret as _;

    let pid = std::process::id();
    let mut register = json!({
        "id": settings.runtime_id.clone().unwrap_or_else(|| pid.to_string()),
        "pid": pid,
        "name": settings.name,
        "genkitVersion": crate::VERSION,
        "reflectionApiSpecVersion": SPEC,
        "envs": ["dev"],
    });
    if let Some(secret) = &settings.secret {
        register["secret"] = secret.expose_secret().into();
    }
    tasks.spawn(async move { socket::keep(&url, register, runner, ending).await });
}

/// Version 1: is asked by the tools. They ask as soon as they see the file, so it comes last.
async fn serve(
    tasks: &mut JoinSet<()>,
    settings: &ReflectionSettings,
    runner: Arc<Runner>,
    quit: Arc<Notify>,
    ending: CancellationToken,
) -> Result<(String, Discovery), ReflectionError> {
    let listener = server::listen(settings.port).await;
    let port = listener.as_ref().and_then(|it| it.local_addr().ok()).map(|it| it.port());
    let (Some(listener), Some(port)) = (listener, port) else {
        let (first, last) = settings.port.map_or(server::PORTS, |it| (it, it));
        return Err(ReflectionError::Port { first, last });
    };
    let own = format!("{}-{port}", std::process::id());
    let id = settings.runtime_id.clone().unwrap_or(own);
    let api = Api { id: id.clone(), secret: settings.secret.clone(), runner, quit };
    tasks.spawn(server::serve(listener, Arc::new(api), ending));
    let url = format!("http://127.0.0.1:{port}");
    let runtime = Runtime { id: &id, name: &settings.name, url: &url, port };
    let discovery = Discovery::write(&settings.folder, &runtime);
    let discovery = discovery.map_err(|source| ReflectionError::Discovery {
        path: settings.folder.join(".genkit").display().to_string(),
        source,
    })?;
    Ok((url, discovery))
}
