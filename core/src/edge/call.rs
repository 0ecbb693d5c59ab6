//! One request on its way through the edge.

use std::error::Error;
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::Instrument;

use super::proxy::Origin;
use super::{
    Edge, Head, Header, PROBES, RateDecision, RequestContext, Version, allow, compress, cors, request_id,
};
use crate::error::{ErrorKind, FlowError};
use crate::wire::Reply;
use crate::wire::reply::Dialect;

/// How much of a path is logged, in bytes.
const LONGEST_LOGGED: usize = 256;

/// How gRPC logs a client that left.
const CANCELLED: i32 = 1;

/// One request on its way through the edge: opened by an adapter's middleware, run, closed.
///
/// Every call is accounted for in the access log, also one whose client leaves: that one is dropped. A stream
/// is logged when it begins and, by its [`EventStream`](crate::wire::EventStream), when it ends.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts of one request, independent of each other")]
pub struct Call {
    /// What the flow will know of the request.
    pub ctx: RequestContext,
    edge: Arc<Edge>,
    refusal: Option<Refusal>,
    /// The client, until its request is counted.
    uncounted: Option<IpAddr>,
    /// What the request is refused for, if its client may send it at all.
    later: Option<FlowError>,
    rate: Option<RateDecision>,
    cors: Vec<Header>,
    path_allows: &'static str,
    keeps_alive: bool,
    https: bool,
    is_head: bool,
    accepts_gzip: bool,
    varies_by_coding: bool,
    span: tracing::Span,
    started: Instant,
    rpc: bool,
    closed: bool,
}

/// Why a request does not reach its handler.
#[derive(Debug)]
enum Refusal {
    Error(FlowError),
    Preflight,
}

impl Call {
    /// Lets a request in or prepares its refusal.
    pub fn open(edge: &Arc<Edge>, head: &Head<'_>) -> Self {
        let request_id = request_id::choose((head.header)("x-request-id"));
        let origin = edge.config.trusted_proxies.origin(head);
        // The path is the client's own text; nothing else the client sends enters the log. The level is the
        // highest, so that lines of every level keep their request id.
        let (path, client) = (logged(head.path), origin.client.map(tracing::field::display));
        let span = tracing::error_span!("request", %request_id, method = head.method, path, client);
        Self::enter(edge, head, origin, request_id, span, PROBES.contains(&head.path), false)
    }

    /// The same for a remote procedure call, whose path is its method. Which of its methods are probes the
    /// protocol knows.
    pub fn open_rpc(edge: &Arc<Edge>, head: &Head<'_>, is_probe: bool) -> Self {
        let request_id = request_id::choose((head.header)("x-request-id"));
        let origin = edge.config.trusted_proxies.origin(head);
        let (method, client) = (logged(head.path), origin.client.map(tracing::field::display));
        let span = tracing::error_span!("call", %request_id, method, client);
        Self::enter(edge, head, origin, request_id, span, is_probe, true)
    }

    fn enter(
        edge: &Arc<Edge>,
        head: &Head<'_>,
        origin: Origin,
        request_id: Arc<str>,
        span: tracing::Span,
        is_probe: bool,
        rpc: bool,
    ) -> Self {
        let started = Instant::now();
        let config = &edge.config;
        let mut ctx = RequestContext {
            display_name: config.api_keys.display_name(head),
            request_id,
            tenant: None,
            deadline: started + config.request_timeout,
            dialect: Dialect::of(head.path),
            http1: head.version < Version::HTTP_2,
            cache: Arc::default(),
            drain: edge.drain.clone(),
        };
        let (mut uncounted, mut later) = (None, None);
        let refusal = match config.trusted_hosts.check(head) {
            Err(error) => Some(Refusal::Error(error)),
            Ok(()) if cors::is_preflight(head) => Some(Refusal::Preflight),
            Ok(()) if is_probe => None,
            Ok(()) => match config.api_keys.check(head) {
                Err(error) => Some(Refusal::Error(error)),
                Ok(tenant) => {
                    ctx.tenant = tenant;
                    uncounted = origin.client;
                    later = edge.admit(head, rpc).err();
                    None
                }
            },
        };
        Self {
            ctx,
            edge: edge.clone(),
            refusal,
            uncounted,
            later,
            rate: None,
            cors: edge.cors.headers(head),
            path_allows: allow(head.path),
            keeps_alive: head.version == Version::HTTP_11 && !asks_to_close(head),
            https: origin.https,
            is_head: head.method == "HEAD",
            accepts_gzip: compress::accepts_gzip(head),
            varies_by_coding: false,
            span,
            started,
            rpc,
            closed: false,
        }
    }

    /// The answer of the edge itself, if the request does not reach its handler.
    pub async fn refusal(&mut self) -> Option<Reply> {
        self.refuse().await.map(|refusal| match refusal {
            Refusal::Error(error) => Reply::error(&error, &self.ctx),
            Refusal::Preflight => Reply::empty(204),
        })
    }

    /// The same for protocols whose errors are no HTTP answers. A preflight is no call of theirs.
    pub async fn refused(&mut self) -> Option<FlowError> {
        match self.refuse().await? {
            Refusal::Error(error) => Some(error),
            Refusal::Preflight => None,
        }
    }

    /// Counts the request, unless it is refused before that, and goes through what comes after.
    async fn refuse(&mut self) -> Option<Refusal> {
        if self.refusal.is_none()
            && let (Some(client), Some(limiter)) = (self.uncounted.take(), &self.edge.limiter)
        {
            let decision = limiter.check(client).instrument(self.span.clone()).await;
            self.rate = Some(decision);
            self.refusal = decision.refusal().map(Refusal::Error);
        }
        let refusal = self.refusal.take().or_else(|| self.later.take().map(Refusal::Error))?;
        if let Refusal::Error(error) = &refusal {
            self.span.in_scope(|| log_failure(error, "refused"));
        }
        Some(refusal)
    }

    /// Runs the rest of the way: within the deadline and the server's grace, and with panics caught.
    pub async fn run<F: Future>(&self, handler: F) -> Result<F::Output, Reply> {
        self.attempt(handler).await.map_err(|error| self.fail(&error))
    }

    /// The same for protocols whose errors are no HTTP answers; the error is not logged yet.
    pub async fn attempt<F: Future>(&self, handler: F) -> Result<F::Output, FlowError> {
        let _work = self.edge.drain.begin();
        let guarded = AssertUnwindSafe(handler).catch_unwind();
        let outcome = async {
            // Not fair on purpose: an answer that is ready wins over a deadline that has just passed.
            tokio::select! {
                biased;
                result = guarded => {
                    result.map_err(|_| FlowError::internal("the handler panicked"))
                }
                () = tokio::time::sleep_until(self.ctx.deadline) => Err(FlowError::new(
                    ErrorKind::DeadlineExceeded,
                    "The server could not answer in time.",
                )),
                () = self.edge.drain.ended() => Err(FlowError::draining()),
            }
        };
        outcome.instrument(self.span.clone()).await
    }

    /// The answer to a failed request. The failure is logged here, once.
    pub fn fail(&self, error: &FlowError) -> Reply {
        self.log(error);
        Reply::error(error, &self.ctx)
    }

    /// Logs a failure, for protocols whose errors are no HTTP answers.
    pub fn log(&self, error: &FlowError) {
        self.span.in_scope(|| log_failure(error, "failed"));
    }

    /// Whether an answer may say `connection: keep-alive`: not on HTTP/2, which forbids it, and not to a
    /// client that asked to close.
    pub fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// Whether an answer's body, of this type and size, is to be compressed; then it goes through
    /// [`gzip`](Self::gzip). Streams have no size and never are. Neither are answers to HEAD, whose body some
    /// frameworks have dropped by now.
    pub fn compresses(&mut self, content_type: Option<&[u8]>, size: Option<u64>) -> bool {
        let worth_it = !self.is_head
            && size.is_some_and(|it| it >= self.edge.config.gzip_min_size as u64)
            && content_type.is_some_and(compress::is_compressible);
        self.varies_by_coding |= worth_it;
        worth_it && self.accepts_gzip
    }

    /// The body compressed, to be sent with `content-encoding: gzip`, or nothing if that would not make it smaller.
    pub fn gzip(body: &Bytes) -> Option<Bytes> {
        compress::gzip(body)
    }

    /// Writes the access log and yields the headers that differ from answer to answer.
    pub fn close(mut self, status: u16) -> Vec<Header> {
        self.closed = true;
        let duration_ms = self.elapsed_ms();
        self.span.in_scope(|| tracing::info!(status, duration_ms, "answered"));
        let mut headers = self.headers();
        if status == 405 {
            headers.push(("allow", self.path_allows.into()));
        }
        // After 413 the rest of the body is still under way; all listeners close then, and say so.
        if self.ctx.http1 && (status == 413 || self.edge.drain.is_draining()) {
            headers.push(("connection", "close".into()));
        }
        headers
    }

    /// The headers that differ from answer to answer, where the end of a call comes after them.
    pub fn headers(&mut self) -> Vec<Header> {
        let mut headers = std::mem::take(&mut self.cors);
        headers.push(("x-request-id", Bytes::copy_from_slice(self.ctx.request_id.as_bytes())));
        let vary = match (self.edge.cors.varies(), self.varies_by_coding) {
            (true, true) => Some("Origin, Accept-Encoding"),
            (true, false) => Some("Origin"),
            (false, true) => Some("Accept-Encoding"),
            (false, false) => None,
        };
        headers.extend(vary.map(|it| ("vary", it.into())));
        if let (Some(decision), Some(limiter)) = (&self.rate, &self.edge.limiter) {
            headers.extend(limiter.headers(decision));
        }
        if let (true, Some(hsts)) = (self.https, &self.edge.hsts) {
            headers.push(("strict-transport-security", hsts.clone()));
        }
        headers.extend(self.ctx.cache_header());
        headers
    }

    /// Writes the access log of a remote procedure call, at its end.
    pub fn close_rpc(mut self, grpc_status: i32) {
        self.closed = true;
        let duration_ms = self.elapsed_ms();
        self.span.in_scope(|| tracing::info!(grpc_status, duration_ms, "answered"));
    }

    #[expect(clippy::cast_possible_truncation, reason = "a request does not last 500 million years")]
    fn elapsed_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.closed {
            let duration_ms = self.elapsed_ms();
            self.span.in_scope(|| {
                if self.rpc {
                    tracing::info!(grpc_status = CANCELLED, duration_ms, "the client left");
                } else {
                    tracing::info!(status = 499, duration_ms, "the client left");
                }
            });
        }
    }
}

/// As much of a path as one line of the log may hold. No route is longer.
fn logged(path: &str) -> &str {
    &path[..path.floor_char_boundary(LONGEST_LOGGED)]
}

fn asks_to_close(head: &Head<'_>) -> bool {
    let mut close = false;
    (head.all)("connection", &mut |line| {
        close |= line.split(|it| *it == b',').any(|it| it.trim_ascii().eq_ignore_ascii_case(b"close"));
    });
    close
}

/// Logs an error once, where it is turned into an answer: ours as errors, the others' as facts.
pub fn log_failure(error: &FlowError, what: &'static str) {
    let kind = error.kind.row().slug;
    let cause = error.source().map(tracing::field::display);
    match error.kind {
        ErrorKind::Internal => tracing::error!(kind, cause, "{what}"),
        ErrorKind::BadGateway | ErrorKind::Unavailable | ErrorKind::DeadlineExceeded => {
            tracing::warn!(kind, cause, "{what}");
        }
        _ => tracing::info!(kind, cause, "{what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drain::Drain;
    use crate::edge::{ApiKeys, CorsConfig, EdgeConfig, TrustedHosts, TrustedProxies};

    #[test]
    fn a_list_may_be_spread_over_several_lines() {
        let edge = Edge::new(
            EdgeConfig {
                request_timeout: std::time::Duration::from_secs(1),
                max_body_size: 1,
                rate_limit: None,
                shared_rate_limiter: None,
                trusted_hosts: TrustedHosts::default(),
                trusted_proxies: TrustedProxies::default(),
                api_keys: ApiKeys::default(),
                cors: CorsConfig::default(),
                hsts_max_age: std::time::Duration::ZERO,
                gzip_min_size: 0,
                debug: false,
                model_header: None,
            },
            Drain::default(),
        );
        let lines: [(&str, &[u8]); 4] = [
            ("connection", b"keep-alive"),
            ("connection", b"close"),
            ("accept-encoding", b"*"),
            ("accept-encoding", b"gzip;q=0"),
        ];
        let head = Head {
            header: &|name| lines.iter().find(|it| it.0 == name).map(|it| it.1),
            all: &|name, each| lines.iter().filter(|it| it.0 == name).for_each(|it| each(it.1)),
            ..Head::bare()
        };
        let mut call = Call::open(&edge, &head);
        assert!(!call.keeps_alive());
        assert!(!call.compresses(Some(b"application/json"), Some(u64::MAX)));
    }
}
