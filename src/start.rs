//! From settings to a running server: the composition root.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use api::{App, FlowService};
use flow_edge::docs::dev::Procedures; // eject: dev-ui grpc
use flow_edge::drain::Drain;
use flow_edge::edge::RequestMetrics;
use flow_edge::{Edge, NamedFlows, docs};
use flow_listener::{Adapter, End, Plan, Signals, serve};
use flow_listener::{Rpc, RpcAdapter, RpcListener, serve_with_rpc}; // eject: grpc
use flow_models::demo::Demo;
use flow_models::{ProviderSettings, Providers, VertexSettings};
use flow_runtime::{ModelError, Resilience, ResponseCache, Sessions};
use flow_service::{FlowDeps, RuntimeSlot};
use socket2::{Domain, Socket, Type};
use tokio::runtime::Builder;

use crate::adapters; // eject: grpc
use crate::demo;
use crate::flows;
use crate::metrics;
use crate::reflection; // eject: reflection telemetry
use crate::replicas; // eject: redis
use crate::sentry; // eject: sentry
use crate::settings::{DEMO_MODEL, ModelSettings, Settings};
use crate::traces; // eject: telemetry

/// How many connections may wait to be accepted; the standard library's 128 lose a burst's first packets. The system
/// takes no more than its own bound (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Makes flows from what they need.
pub type MakeFlows<F> = fn(FlowDeps) -> Result<Arc<F>, ModelError>;

/// Serves this project's flows until a signal comes.
///
/// `listen_for_signals` is called inside the tokio runtime, because that waits for the signals.
pub fn run(
    settings: &Settings,
    adapter: Adapter<dyn FlowService>,
    listen_for_signals: impl FnOnce() -> std::io::Result<Signals>,
) -> anyhow::Result<End> {
    run_flows(
        settings,
        adapter,
        adapters::rpc(), // eject: grpc
        flows::flows,
        listen_for_signals,
    )
}

/// Serves any flows until a signal comes. Generic because `tests/conformance` serves flows of its own.
pub fn run_flows<F: ?Sized + NamedFlows>(
    settings: &Settings,
    adapter: Adapter<F>,
    rpc_adapter: Option<RpcAdapter<F>>, // eject: grpc
    make: MakeFlows<F>,
    listen_for_signals: impl FnOnce() -> std::io::Result<Signals>,
) -> anyhow::Result<End> {
    let workers = settings.server.workers.get();
    // One worker needs no thread of its own: then no task is handed from one thread to another.
    let mut builder = if workers == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let tokio_runtime =
        builder.worker_threads(workers).enable_all().build().context("the runtime could not be started")?;
    let mut tools = None; // eject: reflection telemetry
    let ended = tokio_runtime.block_on(async {
        // Listen for signals before logging "serving": a supervisor may send one then.
        let signals = listen_for_signals()?;
        let _metrics = metrics::start(settings)?;
        warn(settings);
        // eject: grpc
        // Both ports are bound before the log says that either is served.
        let rpc = bind_rpc(settings, rpc_adapter)?;
        // eject: end
        let runtime = RuntimeSlot::default();
        let plan = plan(settings, adapter, app_with(settings, make, &runtime)?)?;
        tools = reflection::start(settings, &plan.app, &runtime, signals.sender()).await; // eject: reflection telemetry
        // eject: grpc
        announce(&rpc, settings)?;
        plan.app.edge.pages().dev.serves(procedures(&rpc, settings)); // eject: dev-ui
        if !matches!(rpc, Rpc::Off) {
            return serve_with_rpc(plan, rpc, signals).await;
        }
        // eject: end
        serve(plan, signals).await
    });
    tokio_runtime.block_on(reflection::stop(tools)); // eject: reflection telemetry
    // Remaining tasks wait for slow clients; do not wait for them.
    tokio_runtime.shutdown_background();
    ended
}

/// Says what is allowed, but may not be meant.
fn warn(settings: &Settings) {
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    if settings.edge.api_keys.is_none() && !settings.debug {
        tracing::warn!("no API keys are set: whoever can connect can call the flows");
    }
}

/// This project's application without a listener.
pub fn app(settings: &Settings) -> anyhow::Result<App> {
    app_of(settings, flows::flows)
}

/// An application of any flows without a listener.
pub fn app_of<F: ?Sized>(settings: &Settings, make: MakeFlows<F>) -> anyhow::Result<flow_edge::App<F>> {
    app_with(settings, make, &RuntimeSlot::default())
}

/// The same, and `runtime` gets what its flows run with.
fn app_with<F: ?Sized>(
    settings: &Settings,
    make: MakeFlows<F>,
    runtime: &RuntimeSlot,
) -> anyhow::Result<flow_edge::App<F>> {
    let (mut edge, models) = (settings.edge_config(), provider_settings(&settings.model));
    if settings.is_measured() {
        edge.observers.push(Arc::new(RequestMetrics::default()));
    }
    let (edge, models) = traces::join(settings, edge, models); // eject: telemetry
    let edge = sentry::join(settings, edge); // eject: sentry
    let deps = FlowDeps { runtime: runtime.clone(), ..deps(settings, models)? };
    let (deps, edge) = replicas::share(&settings.resilience, deps, edge)?; // eject: redis
    let flows = make(deps).context("the flows could not be made")?;
    Ok(flow_edge::App { flows, edge: Edge::new(edge, Drain::default()) })
}

/// Binds the address and says what is served there.
pub fn make_plan<F: ?Sized>(
    settings: &Settings,
    adapter: Adapter<F>,
    make: MakeFlows<F>,
) -> anyhow::Result<Plan<F>> {
    plan(settings, adapter, app_of(settings, make)?)
}

fn plan<F: ?Sized>(
    settings: &Settings,
    adapter: Adapter<F>,
    app: flow_edge::App<F>,
) -> anyhow::Result<Plan<F>> {
    let server = &settings.server;
    let (listener, address) = bind(server.address())?;
    tracing::info!(
        %address,
        framework = adapter.name,
        server = server.server.as_str(),
        workers = server.workers,
        model = settings.model.name(),
        "serving on http://{address}"
    );
    if settings.debug {
        tracing::info!("for development: http://{address}{}", docs::home());
    }
    Ok(Plan {
        adapter,
        kind: server.server,
        listener,
        app,
        workers: server.workers,
        keep_alive: server.keep_alive,
        grace: server.shutdown_grace,
    })
}

// eject: grpc
/// Binds the port of remote procedure calls, unless they share the other one.
pub fn bind_rpc<F: ?Sized>(settings: &Settings, adapter: Option<RpcAdapter<F>>) -> anyhow::Result<Rpc<F>> {
    let grpc = &settings.grpc;
    if grpc.no_grpc {
        return Ok(Rpc::Off);
    }
    let Some(adapter) = adapter else {
        if grpc.single_port || grpc.tls.is_some() {
            tracing::warn!("gRPC is not compiled in; its settings have no effect");
        }
        return Ok(Rpc::Off);
    };
    if grpc.single_port {
        return Ok(Rpc::SharedPort(adapter));
    }
    let (listener, _) = bind(SocketAddr::new(settings.server.host, grpc.port))
        .context("the gRPC listener; --grpc-port moves it, --no-grpc leaves it out")?;
    let tls = grpc.tls.as_ref().map(|it| it.config.clone());
    Ok(Rpc::OwnPort(adapter, RpcListener { listener, tls }))
}

/// Says where remote procedures are called, if anywhere.
fn announce<F: ?Sized>(rpc: &Rpc<F>, settings: &Settings) -> anyhow::Result<()> {
    match rpc {
        Rpc::Off => {}
        Rpc::SharedPort(rpc) => tracing::info!("serving {} on the same port", rpc.name),
        Rpc::OwnPort(rpc, RpcListener { listener, .. }) => {
            let address = listener.local_addr()?;
            let encryption = encryption(settings);
            tracing::info!(%address, encryption, "serving {} on {address}", rpc.name);
        }
    }
    Ok(())
}

/// How the port of remote procedure calls encrypts.
fn encryption(settings: &Settings) -> &'static str {
    settings.grpc.tls.as_ref().map_or("none", |it| if it.mutual { "mutual TLS" } else { "TLS" })
}

// eject: end
// eject: dev-ui grpc
/// The same for the development page.
fn procedures<F: ?Sized>(rpc: &Rpc<F>, settings: &Settings) -> Option<Procedures> {
    let (service, port) = match rpc {
        Rpc::Off => return None,
        Rpc::SharedPort(rpc) => (rpc.service, None),
        Rpc::OwnPort(rpc, own) => (rpc.service, Some(own.listener.local_addr().ok()?.port())),
    };
    Some(Procedures { service, port, encryption: encryption(settings) })
}

// eject: end
fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listen = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // Elsewhere than on Unix this would let two servers have one port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        std::io::Result::Ok(TcpListener::from(socket))
    };
    let listener = listen().with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// What the flows need: models, what guards them, what keeps their answers.
fn deps(settings: &Settings, models: ProviderSettings) -> anyhow::Result<FlowDeps> {
    let name = settings.model.name();
    let by_accident = settings.demo_by_accident();
    if by_accident {
        tracing::warn!(
            "no model is configured: the built-in demo model answers, and /ready says 503. Set \
             GEMINI_API_KEY for a real one, or MODEL=demo to mean it."
        );
    } else if name == DEMO_MODEL {
        tracing::info!("the built-in demo model answers; nothing leaves this machine");
    }
    if settings.edge.trusted_hosts.is_empty() && !settings.debug {
        tracing::warn!("TRUSTED_HOSTS is not set: requests for any host are answered");
    }
    let providers = Providers::new(models).context("the HTTP client")?;
    let providers = providers.with_demo(Demo::new().with_answers(demo::answer));
    let models = settings.model.names().map(|name| {
        let unknown = || format!("MODEL={name}: unknown, or its provider lacks a key or an address");
        providers.model(name).with_context(unknown)
    });
    let models = models.collect::<anyhow::Result<Vec<_>>>()?;
    // Offline, the demo model stands in for whatever model a prompt file names.
    let (is_demo, find) = (name == DEMO_MODEL, providers.clone());
    let find_model = move |name: &str| if is_demo { Ok(find.stand_in(name)) } else { find.model(name) };
    let resilience = &settings.resilience;
    Ok(FlowDeps {
        defaults: settings.model.config.as_deref().cloned().unwrap_or_default(),
        prompts: Arc::new(flows::prompts(settings.debug)?),
        find_model: Arc::new(find_model),
        version: env!("CARGO_PKG_VERSION"),
        models,
        resilience: Resilience {
            call_timeout: settings.model.llm_timeout,
            request_timeout: settings.edge.request_timeout,
            breaker: resilience.breaker(),
            ..Resilience::default()
        },
        cache: resilience.cache().map(|it| ResponseCache::new(&it)),
        sessions: Sessions::new(resilience.sessions()),
        stream_join: resilience.stream_join.clone(),
        ready: !by_accident,
        measured: settings.is_measured(),
        shared_is_up: None,
        runtime: RuntimeSlot::default(),
    })
}

fn provider_settings(model: &ModelSettings) -> ProviderSettings {
    let vertex = model.vertex_project.as_ref().map(|project| VertexSettings {
        project: project.clone(),
        location: model.vertex_location.clone(),
        token: model.vertex_access_token.clone(),
        base_url: model.vertex_base_url.clone(),
    });
    ProviderSettings {
        user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).into(),
        gemini_api_key: model.gemini_api_key.clone(),
        gemini_base_url: model.gemini_base_url.clone(),
        openai_api_key: model.openai_api_key.clone(),
        openai_base_url: model.openai_base_url.clone(),
        anthropic_api_key: model.anthropic_api_key.clone(),
        anthropic_base_url: model.anthropic_base_url.clone(),
        ollama_base_url: Some(model.ollama_base_url.clone()),
        vertex,
        llm_timeout: model.llm_timeout,
        stream_idle_timeout: model.llm_timeout,
        pool_max: model.pool_max,
        pool_max_idle: model.pool_max_idle,
        propagate: None,
    }
}
