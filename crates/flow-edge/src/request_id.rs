//! The request id: the client's if it is harmless, else a new one.

use std::sync::Arc;

/// The longest id taken from a client, in bytes.
const MAX_LENGTH: usize = 128;

/// Takes the client's id if it is 1–128 visible ASCII characters; else makes a UUID v4.
pub(crate) fn choose(sent: Option<&[u8]>) -> Arc<str> {
    sent.filter(|it| (1..=MAX_LENGTH).contains(&it.len()) && it.iter().all(u8::is_ascii_graphic))
        .and_then(|it| std::str::from_utf8(it).ok())
        .map_or_else(new, Arc::from)
}

fn new() -> Arc<str> {
    // A generator per thread: `Uuid::new_v4` would ask the system for each id.
    let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    Arc::from(&*id.hyphenated().encode_lower(&mut text))
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn a_harmless_id_is_kept_and_any_other_replaced() {
        assert_eq!(&*choose(Some(b"a-1")), "a-1");
        for bad in [&b""[..], b"a b", b"a\nb", b"\xff", &[b'a'; 129]] {
            assert_eq!(choose(Some(bad)).len(), 36);
        }
        assert_ne!(choose(None), choose(None));
    }
}
