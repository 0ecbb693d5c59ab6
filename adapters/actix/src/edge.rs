//! Core's edge rules as actix-web middleware.

use std::rc::Rc;
use std::sync::Arc;

use actix_http::ConnectionType;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{Version as HttpVersion, uri};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpMessage, HttpResponse};
use flow_core::FlowError;
use flow_core::edge::{Call, Edge, Head, Version};

use crate::reply::{Fault, Raw, set};

/// Puts every route, and the answer where there is none, behind the edge.
pub(crate) fn wrap<T: Routes>(router: App<T>, edge: &Arc<Edge>) -> App<impl Routes + use<T>> {
    let fixed = edge.fixed_headers().iter().filter_map(|(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::from_maybe_shared(value.clone()).ok()?))
    });
    let state = Rc::new(Bound { edge: edge.clone(), fixed: fixed.collect() });
    router.wrap(from_fn(move |request, next| pass(state.clone(), request, next)))
}

/// What `actix_web::App` is made of, whatever is wrapped around it.
pub(crate) trait Routes:
    ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>
    + 'static
{
}

impl<T> Routes for T where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>
        + 'static
{
}

/// The edge with its fixed headers in actix-web's types.
struct Bound {
    edge: Arc<Edge>,
    fixed: Vec<(HeaderName, HeaderValue)>,
}

async fn pass(
    bound: Rc<Bound>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let mut call = open(&bound.edge, &request);
    if let Some(refusal) = call.refusal().await {
        return Ok(request.into_response(bound.close(call, Raw(refusal).into())));
    }
    request.extensions_mut().insert(call.ctx.clone());
    match call.run(next.call(request)).await {
        Ok(Ok(answer)) => {
            let (request, response) = answer.into_parts();
            let response = match response.error() {
                Some(error) => fail(&call, error),
                None => response.map_into_boxed_body(),
            };
            Ok(ServiceResponse::new(request, bound.close(call, response)))
        }
        Ok(Err(error)) => {
            let response = fail(&call, &error);
            Err(whole(bound.close(call, response)))
        }
        Err(reply) => Err(whole(bound.close(call, Raw(reply).into()))),
    }
}

fn open(edge: &Arc<Edge>, request: &ServiceRequest) -> Call {
    let headers = request.headers();
    let authority = request.uri().authority().map(uri::Authority::as_str);
    Call::open(
        edge,
        &Head {
            method: request.method().as_str(),
            path: request.path(),
            header: &|name| headers.get(name).map(HeaderValue::as_bytes),
            all: &|name, each| headers.get_all(name).for_each(|it| each(it.as_bytes())),
            authority,
            peer: request.peer_addr().map(|it| it.ip()),
            version: version(request.version()),
            https: false,
        },
    )
}

/// The framework's own type, of an older `http`, as core's.
fn version(version: HttpVersion) -> Version {
    match version {
        HttpVersion::HTTP_2 => Version::HTTP_2,
        HttpVersion::HTTP_11 => Version::HTTP_11,
        _ => Version::HTTP_10,
    }
}

fn fail(call: &Call, error: &Error) -> HttpResponse {
    Raw(match error.as_error::<Fault>() {
        Some(Fault(error)) => call.fail(error),
        None => call.fail(&FlowError::internal(error.to_string())),
    })
    .into()
}

/// The answer to a request that its handler has taken along: the framework can only be given an error then.
fn whole(response: HttpResponse) -> Error {
    InternalError::from_response("the handler was ended", response).into()
}

/// Compresses a body that is worth it. It is whole and in memory already, since it has a size.
fn compress(call: &mut Call, response: HttpResponse) -> HttpResponse {
    let content_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let size = match response.body().size() {
        BodySize::Sized(size) => Some(size),
        BodySize::None | BodySize::Stream => None,
    };
    if !call.compresses(content_type, size) {
        return response;
    }
    let (mut response, body) = response.into_parts();
    match body.try_into_bytes() {
        Ok(body) => match Call::gzip(&body) {
            Some(body) => {
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                response.set_body(BoxBody::new(body))
            }
            None => response.set_body(BoxBody::new(body)),
        },
        Err(body) => response.set_body(body),
    }
}

impl Bound {
    fn close(&self, mut call: Call, response: HttpResponse) -> HttpResponse {
        let mut response = compress(&mut call, response);
        if !call.keeps_alive() {
            response.headers_mut().remove(CONNECTION);
        }
        for (name, value) in &self.fixed {
            if !response.headers().contains_key(name) {
                response.headers_mut().insert(name.clone(), value.clone());
            }
        }
        for header in call.close(response.status().as_u16()) {
            // The framework's own listener goes by this and not by the header.
            if header.0 == "connection" {
                response.head_mut().set_connection_type(ConnectionType::Close);
            }
            set(&mut response, header);
        }
        response
    }
}
