//! Servers under test, in this process, with clients of both protocols.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use conformance::api::TestFlows;
use conformance::proto::NoteRequest;
use conformance::proto::test_flows_client::TestFlowsClient;
use conformance::routes::COMPILED_IN;
use fake_gemini::FakeGemini;
use flow_edge::drain::Drain;
use flow_listener::Adapter;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::leaks::{KEY, Logs, capture_logs};

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
    _running: conformance::Server,
}

impl Server {
    /// With the demo model and these variables.
    pub fn demo(environment: &[(&str, &str)]) -> Self {
        let environment: Vec<_> = [("MODEL", "demo")].iter().chain(environment).copied().collect();
        Self::start(first(), &environment)
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
        Self::start(first(), &environment)
    }

    pub fn start(adapter: Adapter<dyn TestFlows>, environment: &[(&str, &str)]) -> Self {
        logs();
        let server = conformance::Server::start(adapter, environment);
        let grpc = server.grpc.expect("gRPC is on");
        Self { rest: server.address, grpc, drain: server.drain.clone(), _running: server }
    }

    pub async fn client(&self) -> TestFlowsClient<Channel> {
        TestFlowsClient::new(channel(self.grpc).await)
    }

    /// Posts JSON to the REST twin; its status and body.
    pub async fn post(&self, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = client.post(format!("http://{}{path}", self.rest)).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

/// A framework to serve REST beside.
pub fn first() -> Adapter<dyn TestFlows> {
    *COMPILED_IN.first().expect("a web framework is compiled in")
}

/// Asks for a note about this.
pub fn about(name: impl Into<String>) -> NoteRequest {
    NoteRequest { name: name.into(), ..NoteRequest::default() }
}

pub async fn channel(to: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{to}")).unwrap().connect().await.unwrap()
}

/// Reads a stream to its end: its texts, and the status when it is not OK.
pub async fn read<M, T>(
    answer: Result<Response<tonic::Streaming<M>>, Status>,
    text: impl Fn(M) -> T,
) -> (Vec<T>, Option<Status>) {
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
