//! A collector that takes spans and numbers over both protocols of OTLP, and keeps them. It takes Sentry's events, too.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::server::{Server, TcpIncoming};

type Kept = Arc<Mutex<Vec<Seen>>>;
type Events = Arc<Mutex<Vec<String>>>;
type Numbers = Arc<Mutex<ExportMetricsServiceRequest>>;

/// A span, as tests look at it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) span: Span,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) resource: BTreeMap<String, String>,
}

/// Runs until it is dropped.
pub(crate) struct Collector {
    pub(crate) http: String,
    pub(crate) grpc: String,
    kept: Kept,
    numbers: Numbers,
    events: Events,
    _serving: [AbortOnDropHandle<()>; 2],
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let (kept, numbers, events) = (Kept::default(), Numbers::default(), Events::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = format!("http://{}", listener.local_addr().unwrap());
        let traces = Router::new().route("/v1/traces", post(take)).with_state(kept.clone());
        let metrics = Router::new().route("/v1/metrics", post(take_numbers)).with_state(numbers.clone());
        let sentry = Router::new().route("/api/1/envelope/", post(take_event)).with_state(events.clone());
        let app = traces.merge(metrics).merge(sentry);
        let by_http = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

        let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let grpc = format!("http://{}", incoming.local_addr().unwrap());
        let service = TraceServiceServer::new(Taker(kept.clone()));
        let numbers_service = MetricsServiceServer::new(NumbersTaker(numbers.clone()));
        let by_grpc = tokio::spawn(async move {
            let server = Server::builder().add_service(service).add_service(numbers_service);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self { http, grpc, kept, numbers, events, _serving: [by_http, by_grpc].map(AbortOnDropHandle::new) }
    }

    /// The numbers that came last.
    pub(crate) fn numbers(&self) -> ExportMetricsServiceRequest {
        self.numbers.lock().unwrap().clone()
    }

    /// The address that Sentry's events are sent to.
    pub(crate) fn dsn(&self) -> String {
        format!("{}/1", self.http.replace("//", "//public@"))
    }

    /// The events that have come, as they came.
    pub(crate) fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    /// All spans that have come.
    pub(crate) fn spans(&self) -> Vec<Seen> {
        self.kept.lock().unwrap().clone()
    }
}

async fn take(State(kept): State<Kept>, body: Bytes) -> Response {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    keep(&kept, request);
    let reply = ExportTraceServiceResponse::default().encode_to_vec();
    ([(header::CONTENT_TYPE, "application/x-protobuf")], reply).into_response()
}

async fn take_numbers(State(numbers): State<Numbers>, body: Bytes) -> Response {
    let Ok(request) = ExportMetricsServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *numbers.lock().unwrap() = request;
    let reply = ExportMetricsServiceResponse::default().encode_to_vec();
    ([(header::CONTENT_TYPE, "application/x-protobuf")], reply).into_response()
}

async fn take_event(State(events): State<Events>, body: String) {
    events.lock().unwrap().push(body);
}

struct NumbersTaker(Numbers);

#[tonic::async_trait]
impl MetricsService for NumbersTaker {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        *self.0.lock().unwrap() = request.into_inner();
        Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
    }
}

struct Taker(Kept);

#[tonic::async_trait]
impl TraceService for Taker {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        keep(&self.0, request.into_inner());
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

fn keep(kept: &Kept, request: ExportTraceServiceRequest) {
    let mut kept = kept.lock().unwrap();
    for spans in request.resource_spans {
        let resource = named(&spans.resource.unwrap_or_default().attributes);
        for span in spans.scope_spans.into_iter().flat_map(|it| it.spans) {
            kept.push(Seen { attributes: named(&span.attributes), resource: resource.clone(), span });
        }
    }
}

pub(crate) fn named(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |it: &KeyValue| match it.value.as_ref().and_then(|it| it.value.clone()) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|it| (it.key.clone(), text(it))).collect()
}
