//! From text to the types of this application.

use std::net::Ipv6Addr;
use std::num::NonZeroUsize;

use flow_edge::edge::ApiKeys;
use flow_listener::ServerKind;
pub(super) use flow_settings::parse::*;

/// More threads than any machine has, and few enough to start when it was a typing error.
const MOST_WORKERS: usize = 1024;

/// A switch that any value turns off.
#[expect(clippy::unnecessary_wraps, reason = "it has the shape of every parser")]
pub(super) fn is_empty(text: &str) -> Parsed<bool> {
    Ok(text.is_empty())
}

pub(super) fn is_dev(name: &str) -> Parsed<bool> {
    Ok(text(name)? == "dev")
}

pub(super) fn server(text: &str) -> Parsed<ServerKind> {
    match text {
        "native" => Ok(ServerKind::Native),
        "hyper" => Ok(ServerKind::Hyper),
        _ => Err("must be native or hyper"),
    }
}

pub(super) fn workers(text: &str) -> Parsed<NonZeroUsize> {
    good(text, |count: &NonZeroUsize| count.get() <= MOST_WORKERS, "must be a whole number, 1 to 1024")
}

/// As many workers as this machine has CPUs.
pub(super) fn cpus() -> NonZeroUsize {
    let cpus = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::MIN.saturating_add(cpus.min(MOST_WORKERS) - 1)
}

/// A `Host` value without its port: a name, an address, `*`, or `*.` and a name. In lower case.
pub(super) fn trusted_host(text: &str) -> Parsed<String> {
    let address = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = text.strip_prefix("*.").unwrap_or(text);
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_host = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text == "*" || (!name.is_empty() && name.chars().all(letters)),
    };
    kept(&text.to_ascii_lowercase(), is_host, "must be host names without scheme, port or path")
}

/// SHA-256 of API keys, in hexadecimal, by commas.
pub(super) fn key_hashes(text: &str) -> Parsed<ApiKeys> {
    let hash = |digits: &str| -> Option<[u8; 32]> {
        let is_hash = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = |at: usize| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok();
        (0..32).map(byte).collect::<Option<Vec<u8>>>().filter(|_| is_hash)?.try_into().ok()
    };
    let hashes: Option<Vec<_>> = items(text, ',').map(hash).collect();
    let why = "each entry must be the SHA-256 of a key, 64 hexadecimal digits, not the key itself";
    hashes.filter(|hashes| !hashes.is_empty()).map(ApiKeys::new).ok_or(why)
}

/// An origin as browsers send it, in lower case; `*` passes through.
pub(super) fn origin(text: &str) -> Parsed<String> {
    let (scheme, authority) = text.split_once("://").unwrap_or_default();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '@' | '*');
    let is_origin = !scheme.is_empty() && !authority.is_empty() && authority.chars().all(plain);
    let why = "must be origins such as https://app.example.com, without a path, or *";
    // Browsers leave a scheme's own port out.
    let text = text.to_ascii_lowercase();
    let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    kept(text.strip_suffix(port).unwrap_or(&text), text == "*" || is_origin, why)
}
