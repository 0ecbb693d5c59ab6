//! One frame of a stream: `data: `, a line of JSON, an empty line (`docs/contract.md`, "SSE").

use std::io;

use bytes::Bytes;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::problem::{genkit_error, problem};
use crate::context::{Dialect, RequestContext};
use crate::error::FlowError;
use crate::flow::{Chunk, Member, StreamEvent, StreamForm};
use crate::schema::Schema;

/// What every frame begins with. A heartbeat sends it early and leaves the frame open.
pub(super) const OPENING: &[u8] = b"data: ";

/// The reason why an answer is not whole.
const LENGTH: &str = "length";

/// A frame as bytes, written once.
pub(crate) struct Frame {
    bytes: Bytes,
    /// Whether the stream ends with it.
    pub(super) last: bool,
}

/// The result of a flow in the Genkit client protocol, as a frame or as a whole answer.
#[derive(Serialize)]
pub(super) struct Outcome<'a, T> {
    pub(super) result: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finish_reason: Option<&'static str>,
}

/// The end of a stream: `done`, members of the result, and whether the answer was cut.
#[derive(Serialize)]
struct Last<T> {
    done: bool,
    #[serde(flatten)]
    result: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'static str>,
}

impl Frame {
    /// An event in the frames of the REST routes.
    pub(super) fn of_route<T, C: Chunk<T>>(
        event: &StreamEvent<T, C>,
        is_cut: bool,
    ) -> Result<Self, FlowError> {
        match event {
            StreamEvent::Chunk(chunk) => Self::chunk(C::FORM, chunk),
            StreamEvent::Done(result) => Self::done(C::end(result), is_cut),
        }
    }

    /// An event in the frames of the Genkit client protocol.
    pub(super) fn of_genkit<T: Schema, C: Chunk<T>>(
        event: &StreamEvent<T, C>,
        is_cut: bool,
    ) -> Result<Self, FlowError> {
        match event {
            StreamEvent::Chunk(message) => Self::message(message),
            StreamEvent::Done(result) => Self::result(result, is_cut),
        }
    }

    pub(crate) fn chunk(form: StreamForm, chunk: impl Serialize) -> Result<Self, FlowError> {
        Self::new(&Member(form.chunk(), chunk), Dialect::Rest, false)
    }

    pub(crate) fn done(result: impl Serialize, is_cut: bool) -> Result<Self, FlowError> {
        let finish_reason = is_cut.then_some(LENGTH);
        Self::new(&Last { done: true, result, finish_reason }, Dialect::Rest, true)
    }

    pub(crate) fn message(message: impl Serialize) -> Result<Self, FlowError> {
        Self::new(&Member("message", message), Dialect::Genkit, false)
    }

    pub(crate) fn result(result: &impl Serialize, is_cut: bool) -> Result<Self, FlowError> {
        let finish_reason = is_cut.then_some(LENGTH);
        Self::new(&Outcome { result, finish_reason }, Dialect::Genkit, true)
    }

    /// The error that a stream ends with.
    pub(crate) fn failure(error: &FlowError, dialect: Dialect, ctx: &RequestContext) -> Self {
        let frame = match dialect {
            Dialect::Rest => Self::new(&Member("error", problem(error, ctx)), dialect, true),
            Dialect::Genkit => Self::new(&Member("error", genkit_error(error)), dialect, true),
        };
        // Only maps with keys that are no strings cannot be written, and this has none.
        let bare = |_| Self { bytes: Bytes::from_static(b"data: {\"error\":{}}\n\n"), last: true };
        frame.unwrap_or_else(bare)
    }

    /// The bytes to send, without the opening where that is already sent.
    pub(crate) fn into_bytes(self, is_open: bool) -> Bytes {
        if is_open { self.bytes.slice(OPENING.len()..) } else { self.bytes }
    }

    fn new(value: &impl Serialize, dialect: Dialect, last: bool) -> Result<Self, FlowError> {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(OPENING);
        let written = match dialect {
            Dialect::Rest => value.serialize(&mut Serializer::new(&mut bytes)),
            Dialect::Genkit => value.serialize(&mut Serializer::with_formatter(&mut bytes, Ascii)),
        };
        written.map_err(FlowError::internal)?;
        bytes.extend_from_slice(b"\n\n");
        Ok(Self { bytes: bytes.into(), last })
    }
}

/// For the Genkit clients JSON is ASCII only: the JavaScript one corrupts a character whose bytes arrive in two
/// packets.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(|it: char| !it.is_ascii()) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut chars = rest[at..].chars();
            let units = chars.next().into_iter().flat_map(|it| {
                let mut units = [0; 2];
                let length = it.encode_utf16(&mut units).len();
                units.into_iter().take(length)
            });
            for unit in units {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::flow::Partial;
    use crate::schema::samples::Response;

    fn sent(frame: Result<Frame, FlowError>) -> String {
        String::from_utf8(frame.unwrap().into_bytes(false).to_vec()).unwrap()
    }

    #[test]
    fn each_dialect_has_its_frames_and_an_open_one_goes_on_where_it_was() {
        let chunk = StreamEvent::<Response>::Chunk("a \"b\"\n\u{1f431}".into());
        let done = StreamEvent::<_, String>::Done(Response { said: "é".into() });
        assert_eq!(sent(Frame::of_route(&chunk, true)), "data: {\"chunk\":\"a \\\"b\\\"\\n\u{1f431}\"}\n\n");
        assert_eq!(sent(Frame::of_route(&done, false)), "data: {\"done\":true,\"said\":\"é\"}\n\n");
        assert_eq!(
            sent(Frame::of_genkit(&chunk, true)),
            "data: {\"message\":\"a \\\"b\\\"\\n\\ud83d\\udc31\"}\n\n"
        );
        assert!(sent(Frame::of_genkit(&done, false)).starts_with("data: {\"result\":{\"said\":\"\\u00e9\""));
        let open = Frame::of_route(&done, false).unwrap().into_bytes(true);
        assert_eq!(open, "{\"done\":true,\"said\":\"é\"}\n\n");
        let cut = sent(Frame::of_route(&done, true));
        assert_eq!(cut, "data: {\"done\":true,\"said\":\"é\",\"finish_reason\":\"length\"}\n\n");
        assert!(sent(Frame::of_genkit(&done, true)).ends_with("},\"finish_reason\":\"length\"}\n\n"));
    }

    #[test]
    fn a_partial_object_is_a_frame_and_the_whole_has_its_members_beside_done() {
        let known = StreamEvent::<Response, _>::Chunk(Partial(json!({"said": "é"})));
        let done = StreamEvent::<_, Partial>::Done(Response { said: "éa".into() });
        assert_eq!(sent(Frame::of_route(&known, false)), "data: {\"partial\":{\"said\":\"é\"}}\n\n");
        assert_eq!(sent(Frame::of_route(&done, false)), "data: {\"done\":true,\"said\":\"éa\"}\n\n");
        let cut = sent(Frame::of_route(&done, true));
        assert_eq!(cut, "data: {\"done\":true,\"said\":\"éa\",\"finish_reason\":\"length\"}\n\n");
        let message = sent(Frame::of_genkit(&known, false));
        assert_eq!(message, "data: {\"message\":{\"said\":\"\\u00e9\"}}\n\n");
        assert_eq!(sent(Frame::of_genkit(&done, false)), "data: {\"result\":{\"said\":\"\\u00e9a\"}}\n\n");
    }

    #[test]
    fn what_is_ascii_only_parses_to_the_same_text() {
        let text = "café 🐱\u{7f}\u{0}";
        let frame = sent(Frame::of_genkit(&StreamEvent::<Response>::Chunk(text.into()), false));
        let json = frame.strip_prefix("data: ").unwrap();
        assert!(json.is_ascii());
        assert_eq!(serde_json::from_str::<serde_json::Value>(json).unwrap()["message"], text);
    }
}
