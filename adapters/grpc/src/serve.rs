//! Under our hyper listener, on a port of its own or beside a web framework.
//!
//! tonic's own server would be a second one to bound, drain and secure, for the same hyper underneath; its
//! services are all that is needed of it.

use std::net::SocketAddr;
use std::rc::Rc;

use flow_edge::edge::lend;
use flow_edge::{App, ErrorKind, FlowError};
use flow_listener::{HyperBody, HyperService, Starting};
use http::header::CONTENT_TYPE;
use http::{Method, Version};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer, Service};

use crate::edge::{EdgeLayer, Protocol};
use crate::mount::{is_served, router};
use crate::service::Routes;

/// The services as our hyper listener calls them.
pub(crate) fn hyper<R: Routes>(app: App<R::Flows>) -> Starting {
    Box::pin(async move {
        let edge = EdgeLayer::new::<R>(&app);
        let services = GrpcWebLayer::new().layer(edge.layer(router::<R>(&app)?));
        let service: HyperService = Rc::new(move |mut request: Request<Incoming>, peer: SocketAddr| {
            request.extensions_mut().insert(peer);
            let protocol = protocol(&request);
            let (parts, body) = request.into_parts();
            let (body, unread) = lend(body, parts.version, &parts.headers);
            let mut request = Request::from_parts(parts, body);
            match protocol {
                Ok(protocol) => {
                    request.extensions_mut().insert(protocol);
                    let answer = services.clone().call(request);
                    Box::pin(async move {
                        let Ok(mut response) = answer.await;
                        unread.finish(response.headers_mut()).await;
                        response.map(boxed)
                    })
                }
                Err(fault) => {
                    let edge = edge.clone();
                    Box::pin(async move {
                        let mut response = edge.refuse(request, fault).await;
                        unread.finish(response.headers_mut()).await;
                        response.map(boxed)
                    })
                }
            }
        });
        Ok(service)
    })
}

/// Whether a request is meant for us: by its content type, or by the service in its path, as preflights are.
pub(crate) fn claims<R: Routes>(request: &Request<Incoming>) -> bool {
    content_type(request).is_some_and(|it| it.starts_with("application/grpc"))
        || is_served::<R>(request.uri().path())
}

/// The protocol of a call, or why the request is none.
fn protocol(request: &Request<Incoming>) -> Result<Protocol, FlowError> {
    if request.method() != Method::POST {
        return Err(FlowError::no_such_method());
    }
    match content_type(request) {
        Some("application/grpc" | "application/grpc+proto") if request.version() >= Version::HTTP_2 => {
            Ok(Protocol::Grpc)
        }
        Some(
            "application/grpc-web"
            | "application/grpc-web+proto"
            | "application/grpc-web-text"
            | "application/grpc-web-text+proto",
        ) => Ok(Protocol::GrpcWeb),
        _ => Err(FlowError::new(
            ErrorKind::UnsupportedMediaType,
            "Call with content-type: application/grpc over HTTP/2, or application/grpc-web.",
        )),
    }
}

fn content_type(request: &Request<Incoming>) -> Option<&str> {
    request.headers().get(CONTENT_TYPE)?.to_str().ok()
}

fn boxed(body: Body) -> HyperBody {
    Box::pin(body.map_err(Into::into))
}
