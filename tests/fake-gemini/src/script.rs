//! Which reply a request gets.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::reply::Reply;
use crate::request::Request;

type Test = dyn Fn(&Request) -> bool + Send + Sync;

/// A condition on a request.
#[derive(Clone)]
pub struct Matcher(Arc<Test>);

impl Matcher {
    /// Whatever the closure says.
    pub fn when(test: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(test))
    }

    /// Every request.
    pub fn any() -> Self {
        Self::when(|_| true)
    }

    /// A text somewhere in the prompt: system instruction or messages.
    pub fn prompt(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::when(move |request| request.prompt().contains(&text))
    }

    /// A model, by its name without `models/`.
    pub fn model(name: impl Into<String>) -> Self {
        let name = name.into();
        Self::when(move |request| request.model() == name)
    }

    /// Has an image.
    pub fn image() -> Self {
        Self::when(Request::has_image)
    }

    /// Asks for JSON by a schema.
    pub fn schema() -> Self {
        Self::when(|request| request.schema().is_some())
    }

    /// Declares functions.
    pub fn tools() -> Self {
        Self::when(|request| !request.tools().is_empty())
    }

    /// Brings the result of a function.
    pub fn tool_results() -> Self {
        Self::when(|request| !request.tool_results().is_empty())
    }

    /// Asks for a stream.
    pub fn streaming() -> Self {
        Self::when(Request::streams)
    }

    /// Both this and the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::when(move |request| self.accepts(request) && other.accepts(request))
    }

    /// Not this.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "reads better than `!` in a chain")]
    pub fn not(self) -> Self {
        Self::when(move |request| !self.accepts(request))
    }

    pub(crate) fn accepts(&self, request: &Request) -> bool {
        (self.0)(request)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Matcher")
    }
}

impl From<&str> for Matcher {
    fn from(text: &str) -> Self {
        Self::prompt(text)
    }
}

/// The replies to come: those used once, in order; then the standing rules, the newest first; then the
/// default.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    once: VecDeque<(Matcher, Reply)>,
    rules: Vec<(Matcher, Reply)>,
    otherwise: Option<Reply>,
}

impl Script {
    pub(crate) fn once(&self, matcher: Matcher, reply: Reply) {
        self.0.lock().unwrap().once.push_back((matcher, reply));
    }

    pub(crate) fn rule(&self, matcher: Matcher, reply: Reply) {
        self.0.lock().unwrap().rules.push((matcher, reply));
    }

    pub(crate) fn otherwise(&self, reply: Reply) {
        self.0.lock().unwrap().otherwise = Some(reply);
    }

    pub(crate) fn left(&self) -> usize {
        self.0.lock().unwrap().once.len()
    }

    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap() = Lines::default();
    }

    pub(crate) fn pick(&self, request: &Request) -> Reply {
        let mut lines = self.0.lock().unwrap();
        if let Some(at) = lines.once.iter().position(|(matcher, _)| matcher.accepts(request))
            && let Some((_, reply)) = lines.once.remove(at)
        {
            return reply;
        }
        let rule = lines.rules.iter().rev().find(|(matcher, _)| matcher.accepts(request));
        rule.map(|(_, reply)| reply).or(lines.otherwise.as_ref()).cloned().unwrap_or_else(Reply::natural)
    }
}
