//! What a scripted reply is made of.

use std::time::Duration;

use serde_json::Value;

use crate::faults::{Fault, UPSTREAM_BODY_MARKER};
use crate::part::{Finish, Gate, Part, SIGNATURE, Usage};

/// A reply to one request: its content, its pace, and how it ends.
///
/// A reply fits a stream and a unary call alike: `generateContent` gets all chunks joined, after the time
/// they would have taken.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) content: Content,
    pub(crate) finish: Finish,
    pub(crate) finish_alone: bool,
    pub(crate) usage: Option<Usage>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) before_headers: Vec<Pause>,
    pub(crate) chunk_delay: Option<Duration>,
    pub(crate) hold: Option<(usize, Gate)>,
    pub(crate) ending: Ending,
    pub(crate) split: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Natural,
    Chunks(Vec<Vec<Part>>),
    Blocked(String),
    Fault(Fault),
    Raw { status: u16, content_type: String, body: String },
}

#[derive(Clone, Debug)]
pub(crate) enum Pause {
    For(Duration),
    Until(Gate),
    Forever,
}

#[derive(Clone, Debug)]
pub(crate) enum Ending {
    Whole,
    Cut(usize),
    Early(usize),
    Error(usize, Fault),
    Silent(usize),
}

/// What the reply says.
impl Reply {
    /// What an unscripted fake answers: see [`FakeGemini`](crate::FakeGemini).
    pub fn natural() -> Self {
        Self::of(Content::Natural)
    }

    /// A text, in one chunk.
    pub fn text(text: impl Into<String>) -> Self {
        Self::chunks([text])
    }

    /// A text in several chunks.
    pub fn chunks<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::of(Content::Chunks(texts.into_iter().map(|text| vec![Part::text(text)]).collect()))
    }

    /// A JSON text, in chunks of about 24 characters when streamed.
    pub fn json(value: &Value) -> Self {
        let text: Vec<char> = value.to_string().chars().collect();
        Self::chunks(text.chunks(24).map(|piece| piece.iter().collect::<String>()))
    }

    /// A signed function call.
    pub fn call(name: impl Into<String>, args: Value) -> Self {
        Self::parts([Part::call(name, args).signed(SIGNATURE)])
    }

    /// Several function calls in one turn; as Gemini does, only the first is signed.
    pub fn calls<N: Into<String>>(calls: impl IntoIterator<Item = (N, Value)>) -> Self {
        let mut parts: Vec<Part> = calls.into_iter().map(|(name, args)| Part::call(name, args)).collect();
        if let Some(first) = parts.first_mut() {
            *first = first.clone().signed(SIGNATURE);
        }
        Self::parts(parts)
    }

    /// Any parts, in one chunk.
    pub fn parts(parts: impl IntoIterator<Item = Part>) -> Self {
        Self::of(Content::Chunks(vec![parts.into_iter().collect()]))
    }

    /// A candidate without content that ended for this reason.
    pub fn nothing(finish: Finish) -> Self {
        Self::of(Content::Chunks(Vec::new())).finish(finish)
    }

    /// The prompt itself was refused: `promptFeedback.blockReason` and no candidates.
    pub fn blocked(reason: impl Into<String>) -> Self {
        Self::of(Content::Blocked(reason.into()))
    }

    /// Any status and body. The marker is not added.
    pub fn raw(status: u16, content_type: impl Into<String>, body: impl Into<String>) -> Self {
        Self::of(Content::Raw { status, content_type: content_type.into(), body: body.into() })
    }

    /// 200 with JSON that breaks off.
    pub fn malformed_json() -> Self {
        let body = format!("{{\"candidates\": [{{\"content\": {{\"note\": \"{UPSTREAM_BODY_MARKER}\", ");
        Self::raw(200, "application/json; charset=UTF-8", body)
    }

    /// 502 with a page of HTML, as a proxy in between would send.
    pub fn html() -> Self {
        let body =
            format!("<!DOCTYPE html><title>502</title><p>That is an error. {UPSTREAM_BODY_MARKER}</p>\n");
        Self::raw(502, "text/html; charset=UTF-8", body)
    }

    /// Nothing at all, not even headers, for as long as the client stays.
    pub fn silence() -> Self {
        let mut reply = Self::natural();
        reply.before_headers.push(Pause::Forever);
        reply
    }

    fn of(content: Content) -> Self {
        Self {
            content,
            finish: Finish::Stop,
            finish_alone: false,
            usage: None,
            headers: Vec::new(),
            before_headers: Vec::new(),
            chunk_delay: None,
            hold: None,
            ending: Ending::Whole,
            split: None,
        }
    }
}

/// How the reply says it.
impl Reply {
    /// Thoughts before the answer, as a chunk of their own.
    #[must_use]
    pub fn thought(mut self, text: impl Into<String>) -> Self {
        if let Content::Chunks(chunks) = &mut self.content {
            chunks.insert(0, vec![Part::thought(text)]);
        }
        self
    }

    /// Adds a chunk of any parts.
    #[must_use]
    pub fn then(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        if let Content::Chunks(chunks) = &mut self.content {
            chunks.push(parts.into_iter().collect());
        }
        self
    }

    /// The finish reason; `STOP` unless told.
    #[must_use]
    pub fn finish(mut self, finish: Finish) -> Self {
        self.finish = finish;
        self
    }

    /// Sends the finish reason in a last chunk without content, as Gemini sometimes does.
    #[must_use]
    pub fn finish_alone(mut self) -> Self {
        self.finish_alone = true;
        self
    }

    /// The token counts; estimated unless told.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Waits before the headers.
    #[must_use]
    pub fn header_delay(mut self, delay: Duration) -> Self {
        self.before_headers.push(Pause::For(delay));
        self
    }

    /// Waits before the headers until the gate opens.
    #[must_use]
    pub fn hold(mut self, gate: &Gate) -> Self {
        self.before_headers.push(Pause::Until(gate.clone()));
        self
    }

    /// Waits before each chunk. A unary call waits the sum before its headers.
    #[must_use]
    pub fn chunk_delay(mut self, delay: Duration) -> Self {
        self.chunk_delay = Some(delay);
        self
    }

    /// Streams `chunks` chunks, then waits until the gate opens. A unary call waits before its headers.
    #[must_use]
    pub fn hold_after(mut self, chunks: usize, gate: &Gate) -> Self {
        self.hold = Some((chunks, gate.clone()));
        self
    }

    /// Writes the body in pieces of so many bytes, so that characters and line ends are torn apart.
    #[must_use]
    pub fn split_bytes(mut self, bytes: usize) -> Self {
        self.split = Some(bytes.max(1));
        self
    }

    /// After `chunks` chunks, closes the connection in the middle of the body. A unary body is cut in half.
    #[must_use]
    pub fn cut_after(mut self, chunks: usize) -> Self {
        self.ending = Ending::Cut(chunks);
        self
    }

    /// After `chunks` chunks, ends the body properly, without any finish reason.
    #[must_use]
    pub fn end_after(mut self, chunks: usize) -> Self {
        self.ending = Ending::Early(chunks);
        self
    }

    /// After `chunks` chunks, an error as a frame inside the stream. A unary call gets it as its reply.
    #[must_use]
    pub fn error_after(mut self, chunks: usize, fault: Fault) -> Self {
        self.ending = Ending::Error(chunks, fault);
        self
    }

    /// After the headers and `chunks` chunks, nothing more for as long as the client stays. A unary call
    /// gets its headers and, unless `chunks` is 0, half of its body.
    #[must_use]
    pub fn silent_after(mut self, chunks: usize) -> Self {
        self.ending = Ending::Silent(chunks);
        self
    }
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        Self::of(Content::Fault(fault))
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}
