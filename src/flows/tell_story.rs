//! `tell_story`: a flow that makes its own chunks, whole sentences here, instead of passing the model's on.

use api::{StoryInput, StoryResponse};
use flow_edge::{FlowStream, RequestContext, StreamEvent};
use flow_runtime::{Generate, ModelEvent, Runtime};
use flow_service::to_flow_error;
use futures_util::{StreamExt, stream};

/// A sentence longer than this is sent on in parts, in bytes.
const LONGEST_CHUNK: usize = 500;

pub(super) fn stream(ai: Runtime, _: RequestContext, input: StoryInput) -> FlowStream<StoryResponse> {
    let prompt = format!("Tell a story of three short paragraphs about {}.", input.topic);
    let events = ai.stream(Generate::new().prompt(prompt));
    // The text that has come but does not yet end a sentence.
    let mut pending = String::new();
    Box::pin(events.flat_map(move |event| {
        stream::iter(match event {
            // The half sentence is left out: after an error clients throw the story away.
            Err(error) => vec![Err(to_flow_error(error))],
            Ok(ModelEvent::Text(text)) => {
                pending.push_str(&text);
                sentence_end(&pending)
                    .map(|end| Ok(StreamEvent::Chunk(pending.drain(..end).collect())))
                    .into_iter()
                    .collect()
            }
            Ok(ModelEvent::Done(answer)) => {
                let rest = std::mem::take(&mut pending);
                let last = (!rest.is_empty()).then_some(Ok(StreamEvent::Chunk(rest)));
                let done = Ok(StreamEvent::Done(StoryResponse { story: answer.text() }));
                last.into_iter().chain([done]).collect()
            }
        })
    }))
}

/// What ends a sentence: in Latin script, in Chinese and Japanese, in Hindi, in Arabic and Urdu; and a line's end.
const ENDS: [char; 11] = ['.', '!', '?', '。', '！', '？', '｡', '।', '؟', '۔', '\n'];

/// What may follow before the next sentence.
const CLOSING: [char; 8] = [' ', '"', '\'', '”', '’', '»', '」', '』'];

/// Where the last whole sentence of a text ends, with the space that follows it; or the end of a text that is too long.
fn sentence_end(text: &str) -> Option<usize> {
    let trailing = |at: usize| {
        let marks = text[at..].chars().take_while(|it| ENDS.contains(it) || CLOSING.contains(it));
        at + marks.map(char::len_utf8).sum::<usize>()
    };
    // Until the next word has begun, a full stop may still turn out to be part of a number; then the sentence before
    // is the last that is surely whole.
    let mut ends = text.rmatch_indices(ENDS).map(|(at, _)| trailing(at));
    ends.find(|end| *end < text.len()).or((text.len() > LONGEST_CHUNK).then_some(text.len()))
}

#[cfg(test)]
mod tests {
    use super::sentence_end;

    #[test]
    fn a_chunk_ends_with_its_sentence() {
        assert_eq!(sentence_end("One. Two! Th"), Some(10));
        assert_eq!(sentence_end("One."), None);
        assert_eq!(sentence_end("One. Two. "), Some("One. ".len()));
        assert_eq!(sentence_end("no end yet"), None);
        assert_eq!(sentence_end("Eins… Zwei. Drei"), Some("Eins… Zwei. ".len()));
        assert_eq!(sentence_end("猫がいた。「はい。」名"), Some("猫がいた。「はい。」".len()));
        assert_eq!(sentence_end("एक। दो"), Some("एक। ".len()));
        assert_eq!(sentence_end(&("é".repeat(400) + ".")), Some(801));
    }
}
