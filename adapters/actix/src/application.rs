//! The application as one service, below any listener.

use std::io;

use actix_http::Request;
use actix_service::IntoServiceFactory;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, Response, Service, ServiceFactory, ServiceResponse};
use actix_web::{Error, HttpResponse};
use flow_edge::App;

use crate::mount::{Routes, router};

/// Builds the application.
pub(crate) async fn build<R: Routes>(
    app: App<R::Flows>,
) -> io::Result<impl Service<Request, Response = ServiceResponse, Error = Error>> {
    let app = router::<R>(app).into_factory().new_service(AppConfig::default()).await;
    app.map_err(|()| io::Error::other("the application cannot be built"))
}

/// Calls the application as actix-web's own server would.
pub(crate) async fn answer<S>(app: &S, request: Request) -> Response<BoxBody>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    match app.call(request).await {
        Ok(response) => response.into(),
        Err(error) => HttpResponse::from_error(error).into(),
    }
}
