//! What Genkit's developer tools find of this program, where `GENKIT_ENV` is `dev`.
//!
//! Without the feature `reflection`, or anywhere else, there is nothing.

#[cfg(feature = "reflection")]
use std::sync::{Arc, OnceLock};

use flow_edge::{App, NamedFlows};
use flow_service::RuntimeSlot;
use tokio::sync::mpsc;

use crate::settings::Settings;

/// What the tools find, until it is stopped.
#[cfg(feature = "reflection")]
pub type Guard = reflection::Reflection;

/// There is nothing to find.
#[cfg(not(feature = "reflection"))]
pub type Guard = std::convert::Infallible;

/// Traces on their way to the tools. A process has one subscriber of spans, so it has one of these.
#[cfg(feature = "reflection")]
static TRACES: OnceLock<Arc<reflection::Traces>> = OnceLock::new();

/// Who watches spans for the tools, if they are to see any.
#[cfg(feature = "reflection")]
pub fn watcher(settings: &Settings) -> Option<Arc<reflection::Traces>> {
    let tools = &settings.reflection;
    let new = || Arc::new(reflection::Traces::new(tools.telemetry_server.as_deref(), tools.realtime));
    settings.shows_traces_to_tools().then(|| TRACES.get_or_init(new).clone())
}

/// Lets the tools find these flows, and the models, tools and prompts of their runtime. What fails is told in the log and
/// stops nobody from serving. `end` ends the server, as a signal does.
#[cfg(feature = "reflection")]
pub async fn start<F: NamedFlows + ?Sized>(
    settings: &Settings,
    app: &App<F>,
    runtime: &RuntimeSlot,
    end: mpsc::Sender<()>,
) -> Option<Guard> {
    let runtime = runtime.get().filter(|_| settings.is_for_tools())?;
    let folder = match std::env::current_dir() {
        Ok(folder) => folder,
        Err(error) => {
            tracing::warn!(%error, "Genkit's developer tools cannot find this program");
            return None;
        }
    };
    let tools = &settings.reflection;
    let to = reflection::ReflectionSettings {
        runtime_id: tools.runtime_id.clone(),
        port: tools.port,
        secret: tools.secret.clone(),
        v2_server: tools.v2_server.clone(),
        ..reflection::ReflectionSettings::new(env!("CARGO_PKG_NAME"), folder)
    };
    let actions = reflection::actions(app.flows.clone(), runtime.clone(), settings.edge.request_timeout);
    let drain = app.edge.drain().clone();
    let draining = async move { drain.draining_started().await };
    let quit = async move { _ = end.send(()).await };
    match reflection::Reflection::start(&to, actions, watcher(settings), draining, quit).await {
        Ok(started) => {
            tracing::info!(place = started.place(), "Genkit's developer tools find this program");
            Some(started)
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            tracing::warn!(error = format!("{error:#}"), "Genkit's developer tools cannot find this program");
            None
        }
    }
}

/// Ends what runs for the tools.
#[cfg(feature = "reflection")]
pub async fn stop(guard: Option<Guard>) {
    if let Some(guard) = guard {
        guard.stop().await;
    }
}

/// Nothing starts.
#[cfg(not(feature = "reflection"))]
#[expect(clippy::unused_async, reason = "the other one waits")]
pub async fn start<F: NamedFlows + ?Sized>(
    _: &Settings,
    _: &App<F>,
    _: &RuntimeSlot,
    _: mpsc::Sender<()>,
) -> Option<Guard> {
    None
}

/// Nothing runs.
#[cfg(not(feature = "reflection"))]
#[expect(clippy::unused_async, reason = "the other one waits")]
pub async fn stop(_: Option<Guard>) {}
