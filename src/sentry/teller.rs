//! What an event says.

use std::mem;
use std::panic::PanicHookInfo;
use std::sync::Arc;

use flow_edge::edge::PROBES;
use flow_edge::edge::observe::{Begin, End, Observer, Status, TraceIds, method_name, rpc_status_name};
use sentry::protocol::{Event, Exception, Map, Mechanism};
use sentry::{Client, Level};
use tracing::Span;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

/// The canonical statuses that are a server's failure, as those of HTTP from 500 on are.
const FAILURES: [&str; 5] = ["UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];

/// Makes events.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) client: Arc<Client>,
    pub(super) framework: Option<String>,
}

/// A panic: where it was and, in debug, what it said, which may quote a user.
#[derive(Debug)]
struct Panic {
    location: String,
    payload: Option<String>,
}

/// What is known of a request, in the extensions of its span.
#[derive(Debug)]
enum Kept {
    /// A panic waits for the status of the answer, so that both are one event.
    UnderWay(Option<Panic>),
    /// A stream may panic after its answer has begun.
    Answered(Facts),
}

#[derive(Clone, Debug, Default)]
struct Facts {
    /// Method and route.
    name: Option<String>,
    tags: Map<String, String>,
}

impl Observer for Teller {
    fn begin(&self, span: &Span, _: &Begin<'_>, _: Option<&TraceIds>) -> Option<TraceIds> {
        span.with_subscriber(|(id, subscriber)| {
            let span = subscriber.downcast_ref::<Registry>()?.span(id)?;
            span.extensions_mut().replace(Kept::UnderWay(None));
            Some(())
        });
        None
    }

    fn end(&self, span: &Span, end: &End<'_>) {
        let facts = facts(end);
        let kept = in_request(span, |kept| mem::replace(kept, Kept::Answered(facts.clone())));
        if let Some(Kept::UnderWay(Some(panic))) = kept {
            return self.tell_panic(panic, facts);
        }
        let status = match end.status {
            Status::Http(status) => Some(status).filter(|it| *it >= 500).map(|it| it.to_string()),
            Status::Rpc(status) => {
                Some(rpc_status_name(status)).filter(|it| FAILURES.contains(it)).map(str::to_owned)
            }
        };
        // Without a route the server is shutting down, and a probe that fails says that it is not ready.
        let route = end.route.filter(|it| !PROBES.contains(it));
        if let (Some(status), Some(route)) = (status, route) {
            let message = Some(format!("{route} was answered with {status}"));
            self.tell(Event { message, ..Event::default() }, facts);
        }
    }
}

impl Teller {
    /// A panic anywhere in the process.
    pub(super) fn panicked(&self, info: &PanicHookInfo<'_>, debug: bool) {
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        let payload = info.payload_as_str().filter(|_| debug).map(str::to_owned);
        let mut panic = Some(Panic { location, payload });
        let facts = in_request(&Span::current(), |kept| match kept {
            Kept::UnderWay(first @ None) => {
                *first = panic.take();
                Facts::default()
            }
            Kept::UnderWay(Some(_)) => Facts::default(),
            Kept::Answered(facts) => facts.clone(),
        });
        if let Some(panic) = panic {
            self.tell_panic(panic, facts.unwrap_or_default());
        }
    }

    fn tell_panic(&self, panic: Panic, facts: Facts) {
        let exception = Exception {
            ty: "panic".to_owned(),
            value: Some(panic.payload.unwrap_or_else(|| format!("panicked at {}", panic.location))),
            mechanism: Some(Mechanism {
                ty: "panic".to_owned(),
                handled: Some(false),
                ..Mechanism::default()
            }),
            ..Exception::default()
        };
        let culprit = Some(panic.location);
        self.tell(Event { culprit, exception: vec![exception].into(), ..Event::default() }, facts);
    }

    fn tell(&self, mut event: Event<'static>, facts: Facts) {
        event.level = Level::Error;
        event.transaction = facts.name;
        event.tags = facts.tags;
        event.tags.extend(self.framework.clone().map(|it| ("framework".to_owned(), it)));
        self.client.capture_event(event, None);
    }
}

fn facts(end: &End<'_>) -> Facts {
    let method = method_name(end.method);
    let status = match end.status {
        Status::Http(status) => status.to_string(),
        Status::Rpc(status) => rpc_status_name(status).to_owned(),
    };
    let is_rpc = matches!(end.status, Status::Rpc(_));
    let name = |route: &str| if is_rpc { route.to_owned() } else { format!("{method} {route}") };
    let tags = [
        ("request_id", Some(end.request_id)),
        ("trace_id", end.trace.map(TraceIds::trace_id)),
        ("method", Some(method)),
        ("route", end.route),
        ("status", Some(&status)),
    ];
    let tags = tags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    Facts { name: end.route.map(name), tags: tags.collect() }
}

/// Looks at what is kept of the request that this span is in.
fn in_request<T>(span: &Span, look: impl FnOnce(&mut Kept) -> T) -> Option<T> {
    let find = |(id, subscriber): (&tracing::Id, &tracing::Dispatch)| {
        let span = subscriber.downcast_ref::<Registry>()?.span(id)?;
        let request = span.scope().find(|it| it.extensions().get::<Kept>().is_some())?;
        let mut extensions = request.extensions_mut();
        extensions.get_mut::<Kept>().map(look)
    };
    span.with_subscriber(find).flatten()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::Method;

    use super::*;

    #[test]
    fn an_event_is_found_by_its_request_and_its_trace() {
        let trace = TraceIds::new([10; 16], [11; 8]);
        let method = Method::from_bytes(b"SECRET").unwrap();
        let end = End {
            status: Status::Http(500),
            route: Some("/chat"),
            method: &Method::POST,
            duration: Duration::ZERO,
            request_id: "r-1",
            trace: Some(&trace),
        };
        let found = facts(&end);
        assert_eq!(found.name.as_deref(), Some("POST /chat"));
        let tags: Vec<_> = found.tags.iter().map(|(name, value)| (&**name, &**value)).collect();
        let expected = [
            ("method", "POST"),
            ("request_id", "r-1"),
            ("route", "/chat"),
            ("status", "500"),
            ("trace_id", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"),
        ];
        assert_eq!(tags, expected);
        let made_up = facts(&End { method: &method, trace: None, status: Status::Rpc(13), ..end });
        assert_eq!(made_up.name.as_deref(), Some("/chat"));
        assert_eq!((&*made_up.tags["method"], &*made_up.tags["status"]), ("_OTHER", "INTERNAL"));
        assert_eq!(made_up.tags.get("trace_id"), None);
    }
}
