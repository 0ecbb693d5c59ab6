//! The spans that are open, and what the tools are to see of them.
//!
//! Only spans with a `genkit:type` are shown. What is inside of another one moves up to the next that is shown, so that a
//! flow is the root of its trace though a request, or a run of an action, is around it.

use std::collections::HashMap;

use flow_telemetry::SpanData;
use opentelemetry::trace::{SpanId, TraceId};
use tokio::sync::oneshot;

/// How many spans may be open at once. Of those beyond it nothing is shown.
const MOST: usize = 10_000;

/// What is added to the root of a trace.
pub(super) type Labels = Vec<(String, String)>;

/// A span as the tools are to see it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    /// The span around it that is shown; none of a root.
    pub(super) parent: Option<SpanId>,
    /// Genkit's path.
    pub(super) path: String,
    /// Whether it failed, and nothing inside of it did.
    pub(super) is_failure_source: bool,
    /// What a root gets beside its own attributes.
    pub(super) labels: Labels,
}

/// The open spans by their ids.
#[derive(Debug, Default)]
pub(super) struct OpenSpans(HashMap<(TraceId, SpanId), Open>);

#[derive(Debug)]
struct Open {
    /// What stands around this span, shown or not.
    outer: SpanId,
    /// The span that is shown of those inside of it: itself, or what is around it.
    shown: Option<(SpanId, String)>,
    /// What the root inside of it gets.
    labels: Labels,
    child_failed: bool,
    /// Who waits for its end.
    waiter: Option<oneshot::Sender<()>>,
}

impl OpenSpans {
    /// A span has begun. Returns what is shown of it, if anything is.
    pub(super) fn started(&mut self, span: &SpanData) -> Option<Shown> {
        if self.0.len() >= MOST {
            return None;
        }
        let outer = self.0.get(&(span.span_context.trace_id(), span.parent_span_id));
        let parent = outer.and_then(|it| it.shown.clone());
        let mut labels = outer.map(|it| it.labels.clone()).unwrap_or_default();
        let shown = text(span, "genkit:type").map(|kind| Shown {
            path: format!(
                "{}{}",
                parent.as_ref().map_or("", |(_, path)| path),
                segment(span, &kind, parent.is_none())
            ),
            parent: parent.as_ref().map(|(id, _)| *id),
            is_failure_source: false,
            labels: std::mem::take(&mut labels),
        });
        let id = span.span_context.span_id();
        let open = Open {
            outer: span.parent_span_id,
            shown: shown.as_ref().map(|it| (id, it.path.clone())).or(parent),
            // A root has them for itself. An unseen span passes them on.
            labels: shown.as_ref().map_or(labels, |it| it.labels.clone()),
            child_failed: false,
            waiter: None,
        };
        self.0.insert((span.span_context.trace_id(), id), open);
        shown.map(Shown::with_its_labels)
    }

    /// A span has ended. Returns what is shown of it, if anything is, and who waits for its end.
    pub(super) fn ended(&mut self, span: &SpanData) -> (Option<Shown>, Option<oneshot::Sender<()>>) {
        let trace = span.span_context.trace_id();
        let Some(open) = self.0.remove(&(trace, span.span_context.span_id())) else { return (None, None) };
        let failed = text(span, "genkit:state").as_deref() == Some("error");
        let outer = self.0.get_mut(&(trace, open.outer));
        let parent = outer.as_ref().and_then(|it| it.shown.as_ref().map(|(id, _)| *id));
        if let Some(outer) = outer {
            outer.child_failed |= failed || open.child_failed;
        }
        let is_shown = open.shown.filter(|(id, _)| *id == span.span_context.span_id());
        let shown = is_shown.map(|(_, path)| Shown {
            parent,
            path,
            is_failure_source: failed && !open.child_failed,
            labels: open.labels,
        });
        (shown.map(Shown::with_its_labels), open.waiter)
    }

    /// Adds these labels to the root inside of an open span that is not shown.
    pub(super) fn label(&mut self, trace: TraceId, span: SpanId, labels: Labels) {
        if let Some(open) = self.0.get_mut(&(trace, span)) {
            open.labels = labels;
        }
    }

    /// Lets somebody wait for a span's end. Returns `waiter` if the span is not open.
    pub(super) fn wait(
        &mut self,
        trace: TraceId,
        span: SpanId,
        waiter: oneshot::Sender<()>,
    ) -> Option<oneshot::Sender<()>> {
        match self.0.get_mut(&(trace, span)) {
            Some(open) => open.waiter.replace(waiter),
            None => Some(waiter),
        }
    }
}

impl Shown {
    /// Only a root has labels.
    fn with_its_labels(mut self) -> Self {
        if self.parent.is_some() {
            self.labels.clear();
        }
        self
    }
}

/// An attribute that is text.
pub(super) fn text(span: &SpanData, name: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|it| it.key.as_str() == name)?;
    Some(attribute.value.as_str().into_owned())
}

/// A span in Genkit's path.
fn segment(span: &SpanData, kind: &str, is_root: bool) -> String {
    let name = text(span, "genkit:name").unwrap_or_else(|| span.name.clone().into_owned());
    match text(span, "genkit:metadata:subtype") {
        Some(subtype) if subtype == "flow" => format!("/{{{name},t:flow}}"),
        Some(subtype) if !is_root => format!("/{{{name},t:{kind},s:{subtype}}}"),
        _ => format!("/{{{name},t:{kind}}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::span;
    use super::*;

    #[test]
    fn what_is_not_genkit_s_is_left_out_and_its_children_move_up() {
        let mut open = OpenSpans::default();
        let request = span(1, 0, &[]);
        let flow = span(
            2,
            1,
            &[("genkit:type", "action"), ("genkit:metadata:subtype", "flow"), ("genkit:name", "f")],
        );
        let own = span(3, 2, &[]);
        let model = span(
            4,
            3,
            &[("genkit:type", "action"), ("genkit:metadata:subtype", "model"), ("genkit:name", "m/a")],
        );
        assert_eq!(open.started(&request), None);
        open.label(
            request.span_context.trace_id(),
            request.span_context.span_id(),
            vec![("a".into(), "b".into())],
        );
        let root = open.started(&flow).unwrap();
        assert_eq!((root.parent, &*root.path), (None, "/{f,t:flow}"));
        assert_eq!(root.labels, [("a".to_owned(), "b".to_owned())]);
        assert_eq!(open.started(&own), None);
        let inner = open.started(&model).unwrap();
        assert_eq!(inner.parent, Some(flow.span_context.span_id()));
        assert_eq!(inner.path, "/{f,t:flow}/{m/a,t:action,s:model}");
        assert_eq!(inner.labels, []);
        assert_eq!(open.ended(&model).0, Some(inner));
        assert_eq!(open.ended(&own).0, None);
        assert_eq!(open.ended(&flow).0, Some(root));
        assert_eq!(open.ended(&request).0, None);
        assert!(open.0.is_empty());
    }

    #[test]
    fn the_innermost_failure_is_the_source() {
        let mut open = OpenSpans::default();
        let failed = [("genkit:type", "util"), ("genkit:state", "error")];
        let (outer, hidden, inner) = (span(1, 0, &failed), span(2, 1, &[]), span(3, 2, &failed));
        for it in [&outer, &hidden, &inner] {
            open.started(it);
        }
        assert!(open.ended(&inner).0.unwrap().is_failure_source);
        open.ended(&hidden);
        assert!(!open.ended(&outer).0.unwrap().is_failure_source);
    }

    #[test]
    fn who_waits_for_a_span_is_told_of_at_its_end_or_at_once() {
        let mut open = OpenSpans::default();
        let it = span(1, 0, &[]);
        let (trace, id) = (it.span_context.trace_id(), it.span_context.span_id());
        assert!(open.wait(trace, id, oneshot::channel().0).is_some());
        open.started(&it);
        assert!(open.wait(trace, id, oneshot::channel().0).is_none());
        assert!(open.ended(&it).1.is_some());
    }

    #[test]
    fn there_is_a_bound() {
        let mut open = OpenSpans::default();
        for id in 1..=MOST as u64 + 1 {
            open.started(&span(id, 0, &[("genkit:type", "util")]));
        }
        assert_eq!(open.0.len(), MOST);
    }
}
