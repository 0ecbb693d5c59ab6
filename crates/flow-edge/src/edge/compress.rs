//! Compressed answers: gzip, from a size on, never a stream.
//!
//! Each framework has a middleware for it, but they disagree: on the smallest size, on `Vary`, on what a client
//! hears that accepts nothing on offer (some frameworks say 406). One negotiation gives one answer.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::ACCEPT_ENCODING;

use super::Head;
use crate::wire::accept::is_zero_weight;

/// Whether `Accept-Encoding` takes gzip (RFC 9110 §12.5.3). `*` stands for all that are not named.
pub(super) fn accepts_gzip(head: &Head<'_>) -> bool {
    let (mut named, mut any) = (None, false);
    for coding in head.lines(&ACCEPT_ENCODING).flat_map(|line| line.split(|it| *it == b',')) {
        let mut parts = coding.split(|it| *it == b';');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let accepted = !parts.any(|it| is_zero_weight(it.trim_ascii()));
        if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") {
            named.get_or_insert(accepted);
        } else if name == b"*" {
            any = accepted;
        }
    }
    named.unwrap_or(any)
}

/// Whether a media type is worth it: text, and not a stream's.
pub(super) fn is_compressible(content_type: &[u8]) -> bool {
    let essence = content_type.split(|it| *it == b';').next().unwrap_or_default().trim_ascii();
    [&b"application/json"[..], b"application/problem+json", b"application/javascript", b"image/svg+xml"]
        .contains(&essence)
        || (essence.starts_with(b"text/") && essence != crate::wire::sse::CONTENT_TYPE.as_bytes())
}

/// The body in gzip, if that makes it any smaller.
pub(super) fn gzip(body: &Bytes) -> Option<Bytes> {
    // The lowest level, as proxies take it: most of the gain for a third of the work.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::fast());
    // Writing into memory cannot fail.
    encoder.write_all(body).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < body.len()).then(|| compressed.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::head::request;

    fn accepts(lines: &[&str]) -> bool {
        let lines: Vec<_> = lines.iter().map(|it| ("accept-encoding", *it)).collect();
        accepts_gzip(&Head::of(&request("/", &lines), None))
    }

    #[test]
    fn gzip_is_taken_where_it_is_accepted() {
        for yes in ["gzip", "br, GZIP;q=0.5", "x-gzip", "*", "deflate, *;q=0.1", "identity;q=0, gzip;q=0.001"]
        {
            assert!(accepts(&[yes]), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip; q=0.000, *", "gzip;q=.0, *", "*;q=0", "identity", "gzippy"] {
            assert!(!accepts(&[no]), "{no}");
        }
        assert!(!accepts(&[]) && !accepts(&["*", "gzip;q=0"]) && accepts(&["br", "gzip"]));
    }

    #[test]
    fn texts_are_worth_it_and_streams_are_not() {
        for yes in ["application/json", "application/problem+json", "text/html; charset=utf-8"] {
            assert!(is_compressible(yes.as_bytes()), "{yes}");
        }
        for no in ["text/event-stream", "text/event-stream; charset=utf-8", "image/png", ""] {
            assert!(!is_compressible(no.as_bytes()), "{no}");
        }
        assert!(gzip(&Bytes::from(vec![b'a'; 1000])).is_some_and(|it| it.len() < 100));
        assert!(gzip(&Bytes::from_static(b"ab")).is_none());
    }
}
