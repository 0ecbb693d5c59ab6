//! The program under test, and a client that calls it in every way.

use std::path::Path;

use fake_gemini::FakeGemini;
use genkit_endpoints::adapters;
use harness::Process;
use reqwest::{Client, Response};
use serde_json::{Value, json};

/// A model that tests teach what to say.
pub async fn model() -> FakeGemini {
    FakeGemini::builder().lenient().start().await
}

/// The program on every compiled framework, with this model.
pub fn servers(model: &FakeGemini) -> impl Iterator<Item = Server> {
    servers_with(model, &[])
}

/// The same with further settings.
pub fn servers_with<'a>(
    model: &FakeGemini,
    settings: &'a [(&'a str, &'a str)],
) -> impl Iterator<Item = Server> + use<'a> {
    let url = model.url();
    adapters::names().into_iter().map(move |framework| {
        let usual =
            [("GEMINI_API_KEY", "key"), ("GEMINI_BASE_URL", &*url), ("RATE_LIMIT_DEFAULT", "1000/second")];
        let environment = [&usual, settings].concat();
        let program = Path::new(env!("CARGO_BIN_EXE_genkit-endpoints"));
        let process = Process::start(program, &["--framework", framework], &environment);
        Server { process, client: Client::builder().no_proxy().build().unwrap() }
    })
}

/// The program on one framework.
pub struct Server {
    process: Process,
    client: Client,
}

impl Server {
    /// What a route answers.
    pub async fn post(&self, route: &str, input: Value) -> Value {
        let response = self.send(route, &input).await;
        assert_eq!(response.status(), 200, "{route} with {input}");
        response.json().await.unwrap()
    }

    /// What a route answers to whom this API key belongs.
    pub async fn post_as(&self, key: &str, route: &str, input: Value) -> Value {
        let request = self.client.post(format!("http://{}{route}", self.process.address));
        request.bearer_auth(key).json(&input).send().await.unwrap().json().await.unwrap()
    }

    /// What the flow answers when it is called by its name.
    pub async fn by_name(&self, flow: &str, input: Value) -> Value {
        self.post(&format!("/flows/{flow}"), json!({"data": input})).await["result"].take()
    }

    /// The chunks of text that a route streams, and its last event.
    pub async fn stream(&self, route: &str, input: Value) -> (Vec<String>, Value) {
        let (events, last) = self.events(route, input).await;
        (events.iter().map(|it| it["chunk"].as_str().unwrap().to_owned()).collect(), last)
    }

    /// The events that a route streams, and its last one.
    pub async fn events(&self, route: &str, input: Value) -> (Vec<Value>, Value) {
        let response = self.send(route, &input).await;
        assert_eq!(response.status(), 200, "{route} with {input}");
        let text = response.text().await.unwrap();
        let events = text.split_terminator("\n\n").map(|it| it.strip_prefix("data: ").unwrap());
        let mut events: Vec<Value> = events.map(|it| serde_json::from_str(it).unwrap()).collect();
        let last = events.pop().unwrap();
        (events, last)
    }

    /// The members that a route refuses in an input.
    pub async fn faults(&self, route: &str, input: Value) -> Vec<String> {
        let response = self.send(route, &input).await;
        assert_eq!(response.status(), 422, "{route} with {input}");
        let problem: Value = response.json().await.unwrap();
        let faults = problem["errors"].as_array().unwrap().iter();
        faults.map(|it| it["pointer"].as_str().unwrap().to_owned()).collect()
    }

    async fn send(&self, route: &str, body: &Value) -> Response {
        self.client.post(format!("http://{}{route}", self.process.address)).json(body).send().await.unwrap()
    }

    // eject: grpc
    /// A client of its procedures.
    #[cfg(feature = "grpc")]
    pub async fn procedures(
        &self,
    ) -> grpc::proto::genkit_service_client::GenkitServiceClient<tonic::transport::Channel> {
        let to = format!("http://{}", self.process.grpc());
        let channel = tonic::transport::Channel::from_shared(to).unwrap().connect().await.unwrap();
        grpc::proto::genkit_service_client::GenkitServiceClient::new(channel)
    }
    // eject: end
}

// eject: grpc
/// What is in the messages of a stream.
#[cfg(feature = "grpc")]
pub async fn messages<M, T>(mut stream: tonic::Streaming<M>, content: impl Fn(M) -> T) -> Vec<T> {
    let mut contents = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        contents.push(content(message));
    }
    contents
}
// eject: end
