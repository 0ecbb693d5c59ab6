//! The procedures. Each is one call of a flow; everything around it is in its types.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use flow_core::adapter::App;
use futures_util::future::Either;
use http::{Request as HttpRequest, Response as HttpResponse};
use tonic::body::Body;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::server::NamedService;
use tonic::{Request, Response, Status};
use tonic_health::pb::FILE_DESCRIPTOR_SET as HEALTH_DESCRIPTORS;
use tonic_health::pb::health_server::{HealthServer, SERVICE_NAME as HEALTH};
use tonic_reflection::pb::v1::server_reflection_server::SERVICE_NAME as REFLECTION;
use tonic_reflection::pb::v1alpha::server_reflection_server::SERVICE_NAME as REFLECTION_ALPHA;
use tonic_reflection::pb::{v1, v1alpha};
use tonic_reflection::server::Builder as Reflection;
use tower::Service;
use tower::util::BoxCloneSyncService;

use crate::extract::open;
use crate::health::Probe;
use crate::proto::genkit_service_server::{GenkitService, GenkitServiceServer, SERVICE_NAME};
use crate::proto::{self, DESCRIPTORS};
use crate::reply::{Answer, reply};
use crate::stream::Chunks;

/// The services by name. The last two are mounted in debug only.
pub(crate) const SERVICES: [&str; 4] = [SERVICE_NAME, HEALTH, REFLECTION, REFLECTION_ALPHA];

struct Procedures(App);

#[tonic::async_trait]
impl GenkitService for Procedures {
    async fn health(&self, _: Request<proto::HealthRequest>) -> Answer<proto::HealthResponse> {
        Ok(Response::new(proto::HealthResponse { status: "ok".into() }))
    }

    async fn tell_joke(&self, call: Request<proto::JokeRequest>) -> Answer<proto::JokeResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.tell_joke(&ctx.request, input).await)
    }

    type TellJokeStreamStream = Chunks<proto::JokeChunk>;

    async fn tell_joke_stream(&self, call: Request<proto::JokeRequest>) -> Answer<Chunks<proto::JokeChunk>> {
        let (ctx, input) = open(call)?;
        let flow = self.0.flows.tell_joke_stream(&ctx.request, input);
        Chunks::start(self.0.edge.drain(), ctx, flow).await
    }

    type TellStoryStream = Chunks<proto::StoryChunk>;

    async fn tell_story(&self, call: Request<proto::StoryRequest>) -> Answer<Chunks<proto::StoryChunk>> {
        let (ctx, input) = open(call)?;
        let flow = self.0.flows.tell_story(&ctx.request, input);
        Chunks::start(self.0.edge.drain(), ctx, flow).await
    }

    async fn translate_text(
        &self,
        call: Request<proto::TranslateRequest>,
    ) -> Answer<proto::TranslationResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.translate_text(&ctx.request, input).await)
    }

    async fn describe_image(&self, call: Request<proto::ImageRequest>) -> Answer<proto::ImageResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.describe_image(&ctx.request, input).await)
    }

    async fn generate_character(
        &self,
        call: Request<proto::CharacterRequest>,
    ) -> Answer<proto::RpgCharacter> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.generate_character(&ctx.request, input).await)
    }

    async fn pirate_chat(&self, call: Request<proto::ChatRequest>) -> Answer<proto::ChatResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.pirate_chat(&ctx.request, input).await)
    }

    async fn generate_code(&self, call: Request<proto::CodeRequest>) -> Answer<proto::CodeResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.generate_code(&ctx.request, input).await)
    }

    async fn review_code(
        &self,
        call: Request<proto::CodeReviewRequest>,
    ) -> Answer<proto::CodeReviewResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.review_code(&ctx.request, input).await)
    }
}

/// A service of any kind, one type for all.
type Mounted = BoxCloneSyncService<HttpRequest<Body>, HttpResponse<Body>, Infallible>;

/// All services. A call goes to the one its path names.
#[derive(Clone)]
pub(crate) struct Router(Arc<[(&'static str, Mounted)]>);

/// Mounts the services.
pub(crate) fn router(app: &App) -> io::Result<Router> {
    let limit = app.edge.max_body_size();
    let procedures = GenkitServiceServer::new(Procedures(app.clone()))
        .max_decoding_message_size(limit)
        .accept_compressed(Gzip)
        .send_compressed(Gzip);
    let health = HealthServer::new(Probe(app.clone())).max_decoding_message_size(limit);
    let mut services = vec![mounted(procedures), mounted(health)];
    if app.edge.debug() {
        let reflection = || {
            Reflection::configure()
                .register_encoded_file_descriptor_set(DESCRIPTORS)
                .register_encoded_file_descriptor_set(HEALTH_DESCRIPTORS)
                // No method has them in its signature; tools show the details of errors with their help.
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
                // Each would know only itself, and the two would list different services.
                .include_reflection_service(false)
                .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET)
        };
        // grpcurl up to 1.8.6 and Python's clients speak v1alpha only, others v1 only.
        services.push(mounted(reflection().build_v1().map_err(io::Error::other)?));
        services.push(mounted(reflection().build_v1alpha().map_err(io::Error::other)?));
    }
    Ok(Router(services.into()))
}

fn mounted<S>(service: S) -> (&'static str, Mounted)
where
    S: Service<HttpRequest<Body>, Response = HttpResponse<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    (S::NAME, Mounted::new(service))
}

/// The service that a path names.
pub(crate) fn service(path: &str) -> &str {
    path.strip_prefix('/').and_then(|it| it.split_once('/')).unwrap_or_default().0
}

/// Whether a path is a streaming procedure's. Its messages are a few words each, which compressed would only grow
/// (as REST, whose streams are never compressed).
pub(crate) fn is_stream(path: &str) -> bool {
    service(path) == SERVICE_NAME && (path.ends_with("/TellJokeStream") || path.ends_with("/TellStory"))
}

/// Whether a path is a probe's: exempt from API keys and rate limits, and answered while draining.
pub(crate) fn is_probe(path: &str) -> bool {
    match service(path) {
        SERVICE_NAME => path.ends_with("/Health"),
        service => SERVICES.contains(&service),
    }
}

impl Service<HttpRequest<Body>> for Router {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Either<
        <Mounted as Service<HttpRequest<Body>>>::Future,
        Ready<Result<HttpResponse<Body>, Infallible>>,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Generated services are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: HttpRequest<Body>) -> Self::Future {
        let named = service(call.uri().path());
        match self.0.iter().find(|it| it.0 == named) {
            Some((_, service)) => Either::Left(service.clone().call(call)),
            None => Either::Right(ready(Ok(Status::unimplemented("").into_http()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use flow_core::service::FLOWS;

    use super::*;

    #[test]
    fn every_flow_is_a_procedure() {
        let descriptors = String::from_utf8_lossy(DESCRIPTORS);
        for flow in FLOWS {
            let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
            let procedure: String = flow.name.split('_').map(capital).collect();
            // In a method's descriptor its input, field 2, follows its name.
            assert!(descriptors.contains(&format!("{procedure}\u{12}")), "{procedure} is no method");
        }
    }

    #[test]
    fn probes_are_health_in_both_forms_and_reflection() {
        for (path, probe) in [
            ("/genkit.sample.v1.GenkitService/Health", true),
            ("/grpc.health.v1.Health/Check", true),
            ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true),
            ("/genkit.sample.v1.GenkitService/TellJoke", false),
            ("/grpc.health.v1.Healthy/Check", false),
            ("/health", false),
            ("", false),
        ] {
            assert_eq!(is_probe(path), probe, "{path}");
        }
    }
}
