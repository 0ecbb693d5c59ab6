//! The HTTP client of exports.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

/// How long one export may take. The exporter tries again, inside of a limit of its own.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest reply that is read, in bytes. A collector says which spans it did not take, and why.
const MAX_REPLY: usize = 64 * 1024;

/// Sends on a runtime of its own: exports are asked for by a thread without one.
#[derive(Debug)]
pub(crate) struct Client {
    client: reqwest::Client,
    runtime: Handle,
}

impl Client {
    pub(crate) fn new(runtime: Handle) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { client, runtime })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sending = AbortOnDropHandle::new(self.runtime.spawn(async move {
            let mut response = client.execute(request.try_into()?).await?;
            let mut reply = Response::builder().status(response.status());
            if let Some(headers) = reply.headers_mut() {
                headers.clone_from(response.headers());
            }
            let mut body = Vec::new();
            while let Some(bytes) = response.chunk().await?.filter(|it| body.len() + it.len() <= MAX_REPLY) {
                body.extend_from_slice(&bytes);
            }
            Ok::<_, HttpError>(reply.body(body.into())?)
        }));
        sending.await?
    }
}
