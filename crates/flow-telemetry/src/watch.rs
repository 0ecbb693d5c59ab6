//! Who looks at spans inside of this process, as they begin and as they end.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use crate::names::name;

/// Is shown each span, under its proper names. It must not block: it is called in the middle of a request.
pub trait SpanWatcher: Debug + Send + Sync {
    /// A span has begun. What it will know only later is not in it, and its end is its beginning.
    fn started(&self, span: &SpanData);

    /// A span has ended.
    fn ended(&self, span: &SpanData);
}

/// All watchers, as OpenTelemetry calls them.
#[derive(Debug)]
pub(crate) struct Watched(pub(crate) Vec<Arc<dyn SpanWatcher>>);

impl SpanProcessor for Watched {
    fn on_start(&self, span: &mut Span, _: &Context) {
        if let Some(mut span) = span.exported_data() {
            name(&mut span);
            self.0.iter().for_each(|it| it.started(&span));
        }
    }

    fn on_end(&self, mut span: SpanData) {
        name(&mut span);
        self.0.iter().for_each(|it| it.ended(&span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
