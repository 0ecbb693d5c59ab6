//! Servers under test: the application in this process with both listeners on port 0.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use api::FlowService;
use fake_gemini::FakeGemini;
use flow_edge::drain::Drain;
use flow_listener::Adapter;
use flow_listener::{Rpc, Signals, serve_with_rpc};
use genkit_endpoints::adapters::{self, COMPILED_IN};
use genkit_endpoints::settings::{self, Settings};
use genkit_endpoints::start;
use grpc::proto::genkit_service_client::GenkitServiceClient;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::leaks::{KEY, Logs, capture_logs};
use crate::panics::Panicking;

/// Longer than anything here takes; what takes longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The log of all servers in this process.
pub fn logs() -> &'static Logs {
    static LOGS: OnceLock<Logs> = OnceLock::new();
    LOGS.get_or_init(capture_logs)
}

/// A server in this process.
pub struct Server {
    pub rest: SocketAddr,
    pub grpc: SocketAddr,
    pub drain: Drain,
    _signals: mpsc::Sender<()>,
    _serving: JoinSet<()>,
}

impl Server {
    /// With the demo model and these variables.
    pub fn demo(environment: &[(&str, &str)]) -> Self {
        let environment: Vec<_> = [("MODEL", "demo")].iter().chain(environment).copied().collect();
        Self::start(first(), &environment, false)
    }

    /// With a fake Gemini and these variables.
    pub fn with(fake: &FakeGemini, environment: &[(&str, &str)]) -> Self {
        let url = fake.url();
        let base = [
            ("GEMINI_API_KEY", KEY),
            ("GEMINI_BASE_URL", &url),
            ("RATE_LIMIT_DEFAULT", "100000/second"),
            // Most cases are about one failure, and not about what many of them lead to.
            ("CB_ENABLED", "false"),
        ];
        let environment: Vec<_> = environment.iter().chain(&base).copied().collect();
        Self::start(first(), &environment, false)
    }

    /// With flows that panic.
    pub fn panicking() -> Self {
        Self::start(first(), &[("MODEL", "demo")], true)
    }

    pub fn start(adapter: Adapter<dyn FlowService>, environment: &[(&str, &str)], panicking: bool) -> Self {
        logs();
        let settings = settings(environment).unwrap();
        let mut plan = start::plan(&settings, adapter, genkit_endpoints::flows::flows).unwrap();
        if panicking {
            plan.app.flows = Arc::new(Panicking);
        }
        let rpc = start::rpc(&settings, genkit_endpoints::adapters::rpc()).unwrap();
        let rest = plan.listener.local_addr().unwrap();
        let grpc = match &rpc {
            Rpc::OwnPort(_, it) => it.listener.local_addr().unwrap(),
            Rpc::SharedPort(_) => rest,
            Rpc::Off => panic!("no gRPC"),
        };
        let drain = plan.app.edge.drain().clone();
        let (signals, send) = Signals::channel();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            // A failure shows in the calls; the test's runtime may also end before the server does.
            let _ = serve_with_rpc(plan, rpc, signals).await;
        });
        Self { rest, grpc, drain, _signals: send, _serving: serving }
    }

    pub async fn client(&self) -> GenkitServiceClient<Channel> {
        GenkitServiceClient::new(channel(self.grpc).await)
    }

    /// Posts JSON to the REST twin; its status and body.
    pub async fn post(&self, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = client.post(format!("http://{}{path}", self.rest)).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

/// A framework to serve REST beside.
pub fn first() -> Adapter<dyn FlowService> {
    *COMPILED_IN.first().expect("a web framework is compiled in")
}

/// What the settings are with these variables, on ports that the system chooses.
pub fn settings(environment: &[(&str, &str)]) -> Result<Settings, settings::SettingsError> {
    let ports = [("PORT", "0"), ("GRPC_PORT", "0"), ("WEB_CONCURRENCY", "1")];
    let lookup =
        |name: &str| environment.iter().chain(&ports).find(|it| it.0 == name).map(|it| it.1.to_owned());
    match settings::load(&adapters::names(), ["test".into()], &lookup, Path::new("/nonexistent"))? {
        settings::Command::Serve(settings) => Ok(*settings),
        other => panic!("{other:?}"),
    }
}

pub async fn channel(to: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{to}")).unwrap().connect().await.unwrap()
}

/// Reads a stream to its end: its texts, and the status when it is not OK.
pub async fn read<M>(
    answer: Result<Response<tonic::Streaming<M>>, Status>,
    text: impl Fn(M) -> String,
) -> (Vec<String>, Option<Status>) {
    let mut texts = Vec::new();
    let mut stream = match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) => return (texts, Some(status)),
    };
    loop {
        match tokio::time::timeout(PATIENCE * 2, stream.message()).await.expect("the stream goes on") {
            Ok(Some(message)) => texts.push(text(message)),
            Ok(None) => return (texts, None),
            Err(status) => return (texts, Some(status)),
        }
    }
}
