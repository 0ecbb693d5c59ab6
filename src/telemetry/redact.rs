//! Which fields hold secrets, judged by their names.

use std::cell::RefCell;
use std::collections::HashMap;

/// What stands in the place of a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// Parts of names, without separators: `api_key`, `apiKey` and `x-goog-api-key` are all found.
const SECRET: [&str; 8] =
    ["apikey", "authorization", "password", "passwd", "secret", "cookie", "credential", "privatekey"];
/// What may follow `token` in the name of a count or a size, which is no secret.
const COUNTS: [&str; 6] = ["s", "count", "usage", "limit", "budget", "iz"];

/// How many names a thread remembers: far more than a program has. They are written in its code.
const MOST_KNOWN: usize = 4096;

thread_local! {
    /// What is known of names, by where they lie: one judged is judged for ever.
    static KNOWN: RefCell<HashMap<(usize, usize), bool>> = RefCell::default();
}

/// Whether a field of this name is masked. Each name is looked at once: judging it takes longer than writing it.
pub(super) fn is_secret_field(name: &'static str) -> bool {
    let known = KNOWN.try_with(|known| {
        let mut known = known.borrow_mut();
        let place = (name.as_ptr().addr(), name.len());
        match known.get(&place) {
            Some(secret) => *secret,
            None if known.len() < MOST_KNOWN => *known.entry(place).or_insert(is_secret(name)),
            None => is_secret(name),
        }
    });
    // The thread is ending.
    known.unwrap_or_else(|_| is_secret(name))
}

/// Whether a name is a secret's.
fn is_secret(name: &str) -> bool {
    // As a part, `dsn` would hit `records_now`; it has to be a word.
    let words = || name.split(|c: char| !c.is_ascii_alphanumeric());
    SECRET.iter().any(|part| ends_of(name, part).next().is_some())
        || words().any(|word| word.eq_ignore_ascii_case("dsn"))
        || ends_of(name, "token").any(|rest| !COUNTS.iter().any(|count| after(rest, count).is_some()))
}

/// For each place where `part` occurs, ignoring case and separators, what follows it.
fn ends_of<'a>(name: &'a str, part: &'a str) -> impl Iterator<Item = &'a str> {
    name.char_indices().filter_map(move |(at, _)| after(&name[at..], part))
}

/// What follows `part` at the start of `text`, ignoring case and separators.
fn after<'a>(text: &'a str, part: &str) -> Option<&'a str> {
    let mut wanted = part.bytes().peekable();
    for (at, byte) in text.bytes().enumerate() {
        match wanted.peek() {
            None => return text.get(at..),
            Some(next) if byte.eq_ignore_ascii_case(next) => drop(wanted.next()),
            Some(_) if matches!(byte, b'_' | b'-' | b'.' | b' ') => {}
            Some(_) => return None,
        }
    }
    wanted.peek().is_none().then_some("")
}

#[cfg(test)]
mod tests {
    use super::is_secret_field;

    #[test]
    fn names_of_secrets_are_recognised_in_every_spelling() {
        for name in [
            "api_key",
            "apikey",
            "apiKey",
            "API_KEYS",
            "x-goog-api-key",
            "gemini.api_key",
            "authorization",
            "http.request.header.authorization",
            "Proxy-Authorization",
            "token",
            "access_token",
            "accessToken",
            "token_id",
            "password",
            "db_password",
            "client_secret",
            "sentry_dsn",
            "dsn",
            "cookie",
            "set-cookie",
            "credentials",
        ] {
            assert!(is_secret_field(name) && is_secret_field(name), "{name}");
        }
    }

    #[test]
    fn counts_of_tokens_and_words_that_look_alike_stay_readable() {
        for name in [
            "tokens",
            "input_tokens",
            "max_tokens",
            "outputTokens",
            "token_count",
            "tokenCount",
            "token.usage",
            "tokenizer",
            "records_now",
            "key",
            "message",
            "request_id",
            "",
        ] {
            assert!(!is_secret_field(name) && !is_secret_field(name), "{name}");
        }
    }
}
