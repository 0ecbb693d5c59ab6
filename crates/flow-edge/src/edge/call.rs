//! One request, from `Edge::enter` to `Call::leave`.

use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{
    ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, STRICT_TRANSPORT_SECURITY, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use http_body_util::BodyExt;
use tokio::time::Instant;
use tracing::Instrument;

use super::head::{Head, PROBES};
use super::observe::{Begin, End, Protocol, Status, TraceIds, UNRECORDED};
use super::{Edge, RateDecision, compress};
use crate::context::{Dialect, RequestContext};
use crate::docs;
use crate::error::{FlowError, log_failure};
use crate::request_id;
use crate::wire::{Answer, answer};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_GENKIT_TRACE_ID: HeaderName = HeaderName::from_static("x-genkit-trace-id");
const X_GENKIT_SPAN_ID: HeaderName = HeaderName::from_static("x-genkit-span-id");

/// What the access log has for a request whose client left: nginx's status, and the canonical one of a procedure.
const LEFT: u16 = 499;
const CANCELLED: i32 = 1;

/// The canonical status of a procedure that does not exist.
const UNIMPLEMENTED: i32 = 12;

/// One request, from [`Edge::enter`] to [`Call::leave`].
///
/// Every call is accounted for in the access log, also one whose client leaves: that one is dropped. A stream
/// is logged when it begins and, by its [`EventStream`](crate::EventStream), when it ends.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts of one request, independent of each other")]
pub struct Call {
    /// What the flow will know of the request.
    pub ctx: RequestContext,
    edge: Arc<Edge>,
    pub(super) protocol: Protocol,
    pub(super) client: Option<IpAddr>,
    pub(super) rate: Option<RateDecision>,
    pub(super) span: tracing::Span,
    cors: Vec<(HeaderName, HeaderValue)>,
    allow: HeaderValue,
    is_http1: bool,
    keeps_alive: bool,
    https: bool,
    is_head: bool,
    accepts_gzip: bool,
    /// Whether its trace is recorded.
    is_recorded: bool,
    /// Its path, where somebody observes.
    path: Option<String>,
    method: Method,
    trace: Option<TraceIds>,
    /// Whether it was refused before its route was looked for.
    pub(super) refused: bool,
    /// Whether it is the development page's own, which asks again and again.
    is_dev: bool, // eject: dev-ui
    started: Instant,
    closed: bool,
}

/// The body of an answer after [`Call::leave`].
#[derive(Debug)]
pub enum Outgoing<B> {
    /// These bytes in place of it.
    Whole(Bytes),
    /// The body as it was.
    Same(B),
    /// The body as it was, of an answer to HEAD: only its length is sent.
    Head(B),
}

impl Call {
    pub(super) fn open(edge: &Arc<Edge>, head: &Head<'_>, protocol: Protocol) -> Self {
        let started = Instant::now();
        let request_id = request_id::choose(head.header(&X_REQUEST_ID));
        let (client, https) = edge.client(head);
        // The path is the client's own text; nothing else the client sends enters the log. The level is the
        // highest, so that lines of every level keep their request id.
        let (path, shown) = (head.logged_path(), client.map(tracing::field::display));
        let begin = Begin { head, protocol, https };
        let observers = edge.config.observers.as_slice();
        let cors = edge.cors.headers(head);
        // eject: dev-ui
        let is_dev = edge.is_dev(head.path());
        let (observers, cors) = if is_dev { (&[][..], Vec::new()) } else { (observers, cors) };
        // eject: end
        let unrecorded = observers.iter().find_map(|it| it.unrecorded(&begin));
        let (trace_id, span_id) = unrecorded.as_ref().map(|it| (it.trace_id(), it.span_id())).unzip();
        let method = head.logged_method();
        // The target of a span is a constant, so there are two of each.
        macro_rules! open {
            ($target:expr) => {
                match protocol {
                    Protocol::Http => tracing::error_span!(
                        target: $target, "request",
                        request_id = &*request_id, method, path, client = shown, trace_id, span_id
                    ),
                    Protocol::Rpc => tracing::error_span!(
                        target: $target, "call",
                        request_id = &*request_id, method = path, client = shown, trace_id, span_id
                    ),
                }
            };
        }
        let is_unrecorded = unrecorded.is_some();
        let is_unrecorded = is_unrecorded || is_dev; // eject: dev-ui
        let span = if is_unrecorded { open!(UNRECORDED) } else { open!(module_path!()) };
        let mut trace = None;
        for observer in observers {
            if let Some(ids) = observer.begin(&span, &begin, unrecorded.as_ref()) {
                tracing::record_all!(span, trace_id = ids.trace_id(), span_id = ids.span_id());
                trace = Some(ids);
            }
        }
        let ctx = RequestContext {
            display_name: edge.config.api_keys.display_name(head),
            request_id,
            tenant: None,
            deadline: started + edge.config.request_timeout,
            dialect: Dialect::of(head.path()),
            notes: Arc::default(),
            server: edge.server.clone(),
        };
        Self {
            is_recorded: trace.is_some(),
            ctx,
            path: (!observers.is_empty()).then(|| head.path().to_owned()),
            method: head.method.clone(),
            trace: trace.or(unrecorded),
            refused: false,
            is_dev, // eject: dev-ui
            edge: edge.clone(),
            protocol,
            client,
            rate: None,
            span,
            cors,
            allow: allow(head),
            is_http1: head.version < Version::HTTP_2,
            keeps_alive: head.version == Version::HTTP_11 && !head.asks_to_close(),
            https,
            is_head: head.method == Method::HEAD,
            accepts_gzip: compress::accepts_gzip(head),
            started,
            closed: false,
        }
    }

    /// Runs the handler: within the deadline and the server's grace, and with panics caught.
    pub async fn run<F: Future>(&self, handler: F) -> Result<F::Output, FlowError> {
        let drain = self.edge.drain();
        let _work = drain.begin();
        let guarded = pin!(AssertUnwindSafe(handler).catch_unwind());
        let outcome = async {
            // `biased`, so that an answer that is ready wins over a deadline that has just passed.
            tokio::select! {
                biased;
                result = guarded => {
                    result.map_err(|_| FlowError::internal("the handler panicked"))
                }
                () = tokio::time::sleep_until(self.ctx.deadline) => Err(FlowError::out_of_time()),
                () = drain.ending_started() => Err(FlowError::draining()),
            }
        };
        outcome.instrument(self.span.clone()).await
    }

    /// The answer to a failed request. The failure is logged here, once.
    pub fn fail(&self, error: &FlowError) -> Answer {
        self.log(error, "failed");
        answer::error(error, &self.ctx)
    }

    /// Ends the call: writes the access log, compresses the body where that makes it smaller, and completes the
    /// headers.
    ///
    /// A body with an exact size hint must be in memory: compressing reads all of it.
    pub async fn leave<B>(mut self, status: StatusCode, headers: &mut HeaderMap, body: B) -> Outgoing<B>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
    {
        self.close(Status::Http(status.as_u16()), "answered");
        let length = body.size_hint().exact();
        let compressible = !self.is_head
            && length.is_some_and(|it| it >= self.edge.config.gzip_min_size as u64)
            && headers.get(CONTENT_TYPE).is_some_and(|it| compress::is_compressible(it.as_bytes()));
        let body = if self.is_head {
            if let Some(length) = length {
                headers.entry(CONTENT_LENGTH).or_insert(length.into());
            }
            Outgoing::Head(body)
        } else if compressible && self.accepts_gzip {
            // It is whole, so reading it neither waits nor fails.
            let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            match compress::gzip(&whole) {
                Some(smaller) => {
                    headers.remove(CONTENT_LENGTH);
                    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                    Outgoing::Whole(smaller)
                }
                None => Outgoing::Whole(whole),
            }
        } else {
            Outgoing::Same(body)
        };
        if !self.keeps_alive {
            headers.remove(CONNECTION);
        }
        for (name, value) in &self.edge.fixed {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        self.add_headers(headers, compressible);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, self.allow.clone());
        }
        // After 413 the rest of the body is still under way; all listeners close then, and say so.
        let closes = status == StatusCode::PAYLOAD_TOO_LARGE || self.edge.drain().is_draining();
        if self.is_http1 && closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        body
    }

    /// The headers of a remote procedure call's answer: all of REST's for browsers, and for programs those that
    /// tell them something.
    pub fn rpc_headers(&self, headers: &mut HeaderMap, for_browsers: bool) {
        for (name, value) in &self.edge.fixed {
            if for_browsers || name == "x-model" {
                headers.insert(name, value.clone());
            }
        }
        self.add_headers(headers, false);
    }

    /// Writes the access log of a remote procedure call, at its end.
    pub fn close_rpc(mut self, grpc_status: i32) {
        self.close(Status::Rpc(grpc_status), "answered");
    }

    /// Logs an error, once, where it becomes an answer.
    pub fn log(&self, error: &FlowError, what: &'static str) {
        self.span.in_scope(|| log_failure(error, what));
    }

    /// The headers that differ from answer to answer.
    fn add_headers(&self, headers: &mut HeaderMap, varies_by_coding: bool) {
        for (name, value) in &self.cors {
            headers.insert(name, value.clone());
        }
        // A request id is visible ASCII.
        if let Ok(id) = HeaderValue::from_str(&self.ctx.request_id) {
            headers.insert(X_REQUEST_ID, id);
        }
        let vary = match (self.edge.cors.varies(), varies_by_coding) {
            (true, true) => Some("Origin, Accept-Encoding"),
            (true, false) => Some("Origin"),
            (false, true) => Some("Accept-Encoding"),
            (false, false) => None,
        };
        if let Some(vary) = vary {
            headers.insert(VARY, HeaderValue::from_static(vary));
        }
        if let (Some(decision), Some(limiter)) = (&self.rate, &self.edge.limiter) {
            limiter.add_headers(decision, headers);
        }
        if let (true, Some(hsts)) = (self.https, &self.edge.hsts) {
            headers.insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        self.ctx.add_notes(headers);
        let told = self.is_recorded && self.ctx.dialect == Dialect::Genkit;
        if let Some(trace) = self.trace.as_ref().filter(|_| told) {
            for (name, id) in [(X_GENKIT_TRACE_ID, trace.trace_id()), (X_GENKIT_SPAN_ID, trace.span_id())] {
                if let Ok(id) = HeaderValue::from_str(id) {
                    headers.insert(name, id);
                }
            }
        }
    }

    fn close(&mut self, status: Status, how: &'static str) {
        self.closed = true;
        let duration_ms = self.elapsed_ms();
        // eject: dev-ui
        if self.is_dev {
            self.span.in_scope(|| tracing::debug!(?status, duration_ms, "{how}"));
            return;
        }
        // eject: end
        self.span.in_scope(|| match status {
            Status::Http(status) => tracing::info!(status, duration_ms, "{how}"),
            Status::Rpc(grpc_status) => tracing::info!(grpc_status, duration_ms, "{how}"),
        });
        if !self.edge.config.observers.is_empty() {
            let is_missing = matches!(status, Status::Http(404) | Status::Rpc(UNIMPLEMENTED));
            let route = self.path.as_deref().filter(|_| !self.refused && !is_missing);
            let end = End {
                status,
                route,
                method: &self.method,
                duration: self.started.elapsed(),
                request_id: &self.ctx.request_id,
                trace: self.trace.as_ref(),
            };
            self.edge.config.observers.iter().for_each(|it| it.end(&self.span, &end));
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a request does not last 500 million years")]
    fn elapsed_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        let status = match self.protocol {
            Protocol::Http => Status::Http(LEFT),
            Protocol::Rpc => Status::Rpc(CANCELLED),
        };
        self.close(status, "the client left");
    }
}

/// The `Allow` header of a path that exists: flows are called by POST, everything else is read.
///
/// The edge does not know the router; keep this in step with `mount.rs` of the adapters.
fn allow(head: &Head<'_>) -> HeaderValue {
    // It is told only with 405: what refuses POST is read, and what refuses GET is called. Only others need a look.
    let read = *head.method == Method::POST || {
        let (path, own) = (head.path(), [&PROBES[..], &["/", "/openapi.json"]]);
        let is_get = matches!(*head.method, Method::GET | Method::HEAD);
        !is_get && (own.iter().any(|it| it.contains(&path)) || docs::paths().any(|it| it == path))
    };
    HeaderValue::from_static(if read { "GET, HEAD" } else { "POST" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drain::Drain;
    use crate::edge::head::request;
    use crate::edge::{EdgeConfig, Entry};

    #[tokio::test]
    async fn a_list_may_be_spread_over_several_lines() {
        let edge = Edge::new(EdgeConfig { gzip_min_size: 0, ..EdgeConfig::default() }, Drain::default());
        let request = request(
            "/answer",
            &[
                ("host", "a.example"),
                ("connection", "keep-alive"),
                ("connection", "close"),
                ("accept-encoding", "*"),
                ("accept-encoding", "gzip;q=0"),
            ],
        );
        let call = edge.enter(Head::of(&request, None)).await;
        let Entry::Passed(call) = call else { panic!("{call:?}") };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        let body = http_body_util::Full::new(Bytes::from(vec![b'a'; 1000]));
        let body = call.leave(StatusCode::OK, &mut headers, body).await;
        assert!(matches!(body, Outgoing::Same(_)) && headers.get(CONNECTION).is_none());
    }

    #[tokio::test]
    async fn an_answers_own_headers_win_and_none_is_lost() {
        let edge = Edge::new(EdgeConfig::default(), Drain::default());
        let request = request("/answer", &[("host", "a.example")]);
        let call = edge.enter(Head::of(&request, None)).await;
        let Entry::Passed(call) = call else { panic!("{call:?}") };
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", HeaderValue::from_static("no-cache"));
        headers.append("set-cookie", HeaderValue::from_static("a=1"));
        headers.append("set-cookie", HeaderValue::from_static("b=2"));
        call.leave(StatusCode::OK, &mut headers, http_body_util::Empty::new()).await;
        assert_eq!(headers["cache-control"], "no-cache");
        assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
        assert_eq!(headers["x-frame-options"], "DENY");
    }
}
