//! The events of a stream (`text/event-stream`), as lenient as browsers: any of the three line ends, a byte order mark,
//! comments, no space after the colon.
//!
//! No crate fits: those on crates.io keep what they have read without a bound, and some read a long line again with each
//! piece of it. Here each byte is looked at once, and an event has a bound.

use flow_runtime::ModelError;
use memchr::memchr2;

/// The longest line, and the most data of one event, in bytes.
pub(crate) const MAX_EVENT: usize = 2 * 1024 * 1024;

/// Takes bytes as they come and gives the data of whole events.
#[derive(Default)]
pub(crate) struct EventReader {
    /// What has come of a line.
    line: Vec<u8>,
    /// The data of the event so far; none before its first line of data.
    data: Option<Vec<u8>>,
    past_the_mark: bool,
    after_return: bool,
}

impl EventReader {
    /// Takes bytes, and hands the data of each event that they end to `event`.
    ///
    /// Stops with the first error of `event`, or when a line or an event is too long.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut event: impl FnMut(&mut Vec<u8>) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_return) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = memchr2(b'\n', b'\r', bytes);
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + piece.len() + self.data.as_ref().map_or(0, Vec::len) > MAX_EVENT {
                return Err(ModelError::unusable("an event of its stream is too long"));
            }
            self.line.extend_from_slice(piece);
            let Some(end) = end else { break };
            self.after_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.end_line(&mut event)?;
        }
        Ok(())
    }

    /// The end of the stream. An event whose last line is there counts, as some servers leave out the empty line.
    pub(crate) fn end(
        &mut self,
        mut event: impl FnMut(&mut Vec<u8>) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        if !self.line.is_empty() {
            self.end_line(&mut event)?;
        }
        self.data.take().map_or(Ok(()), |mut data| event(&mut data))
    }

    fn end_line(
        &mut self,
        event: &mut impl FnMut(&mut Vec<u8>) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let mut line = &*self.line;
        if !std::mem::replace(&mut self.past_the_mark, true) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            if let Some(mut data) = self.data.take() {
                event(&mut data)?;
            }
        } else if let Some(value) = line.strip_prefix(b"data") {
            let value = match value {
                [] => Some(value),
                [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
                _ => None,
            };
            if let Some(value) = value {
                match &mut self.data {
                    Some(data) => {
                        data.push(b'\n');
                        data.extend_from_slice(value);
                    }
                    None => self.data = Some(value.to_vec()),
                }
            }
        }
        self.line.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&str]) -> Vec<String> {
        let (mut reader, mut events) = (EventReader::default(), Vec::new());
        let mut take = |data: &mut Vec<u8>| {
            events.push(String::from_utf8(std::mem::take(data)).unwrap());
            Ok(())
        };
        for piece in pieces {
            reader.feed(piece.as_bytes(), &mut take).unwrap();
        }
        reader.end(&mut take).unwrap();
        events
    }

    #[test]
    fn events_are_read_as_the_standard_says_and_a_little_more() {
        assert_eq!(events(&["data: a\n\ndata:b\r\n\r\ndata: c\r\rdata\n\n"]), ["a", "b", "c", ""]);
        assert_eq!(events(&["\u{feff}data: a\n\n"]), ["a"]);
        assert_eq!(events(&[": comment\n\nevent: x\nid: 1\n\ndatum: y\n\n"]), [""; 0]);
        assert_eq!(events(&["data: a\ndata: b\n\n"]), ["a\nb"]);
        assert_eq!(events(&["data: a\r", "\n\r", "\ndata: b"]), ["a", "b"]);
    }

    #[test]
    fn the_cuts_between_pieces_do_not_matter() {
        let whole = "\u{feff}: hi\r\ndata: {\"text\":\"é🐈\"}\r\n\r\ndata:b\n\n";
        for at in 0..whole.len() {
            let (first, second) = whole.as_bytes().split_at(at);
            let (mut reader, mut events) = (EventReader::default(), Vec::new());
            for piece in [first, second] {
                reader
                    .feed(piece, |data| {
                        events.push(data.clone());
                        Ok(())
                    })
                    .unwrap();
            }
            assert_eq!(events, ["{\"text\":\"é🐈\"}".as_bytes(), b"b"], "{at}");
        }
    }

    #[test]
    fn a_line_and_an_event_have_a_bound() {
        for endless in ["data: x", "data: x\n", ": x"] {
            let mut reader = EventReader::default();
            let piece = endless.repeat(10_000);
            let outcome = (0..200).try_for_each(|_| reader.feed(piece.as_bytes(), |_| Ok(())));
            assert!(outcome.is_err(), "{endless:?}");
        }
    }
}
