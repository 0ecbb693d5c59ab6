//! The contract of the edge (`docs/contract.md`), written down a second time: slowly, on whole lists, and sharing no
//! code with the edge.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Version;
use ipnet::IpNet;

use crate::request::{KEY, Request, Setup};

/// What must come of a request.
#[derive(Debug)]
pub struct Expected {
    pub status: u16,
    /// These have these values, or are absent.
    pub headers: Vec<(&'static str, Option<String>)>,
    pub client: Option<IpAddr>,
    pub is_counted: bool,
    pub believes_headers: bool,
    pub has_key: bool,
    pub reaches_keys: bool,
    /// Nothing where `Accept-Encoding` breaks its own grammar.
    pub compresses: Option<bool>,
}

pub fn expect(setup: &Setup, request: &Request) -> Expected {
    let origin = origin(setup, request);
    let is_probe = ["/health", "/healthz", "/ready", "/readyz"].contains(&request.path()) && !setup.rpc;
    let is_preflight = request.method == "OPTIONS"
        && request.first("origin").is_some()
        && request.first("access-control-request-method").is_some();
    let has_key = request.first("authorization").is_some_and(is_key);
    let declared = request.first("content-length").and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());

    let (target, header) = (request.target.authority().map(|it| it.as_str()), request.host());
    let agree = target.is_none() || header.is_none() || same(target, header);
    let trusts_host = request.lines("host") <= 1 && agree && trusts_host(setup.hosts, target.or(header));
    let reaches_keys = trusts_host && !is_probe && !is_preflight;
    let is_admitted = reaches_keys && (has_key || !setup.keys);
    let status = match () {
        () if !trusts_host => 400,
        // A preflight is no call of gRPC's, and is not answered there.
        () if is_preflight => {
            if setup.rpc {
                200
            } else {
                204
            }
        }
        () if is_probe => 200,
        () if !is_admitted => 401,
        () if setup.draining => 503,
        () if setup.rpc => 200,
        () if declared.is_some_and(|it: u64| it > 1000) => 413,
        () if request.path().contains('%') || !request.path().is_ascii() => 404,
        () => 200,
    };
    let is_counted = is_admitted && setup.limit.is_some() && origin.client.is_some();

    // The harness always answers with what is worth compressing.
    let is_head = request.method == "HEAD";
    let mut headers = cors(setup, request, is_preflight, !setup.rpc && !is_head);
    headers.push(("strict-transport-security", origin.https.then(|| "max-age=7; includeSubDomains".into())));
    let limit = setup.limit.filter(|_| is_counted).map(|it| it[..1].parse::<u32>().expect("a digit"));
    headers.push(("ratelimit-policy", limit.map(|it| format!("\"default\";q={it};w=86400"))));
    headers.push(("ratelimit", limit.map(|it| format!("\"default\";r={};t={}", it - 1, 86400 / it))));
    if !setup.rpc {
        let closes = setup.version < Version::HTTP_2 && (status == 413 || setup.draining);
        let options = request.list("connection").unwrap_or_default().to_ascii_lowercase();
        let keeps_alive = setup.version == Version::HTTP_11
            && !options.split(|it| *it == b',').any(|it| it.trim_ascii() == b"close");
        let connection = if closes { Some("close") } else { keeps_alive.then_some("keep-alive") };
        headers.push(("connection", connection.map(str::to_owned)));
        headers.push(("www-authenticate", (status == 401).then(|| "Bearer".into())));
        headers.push(("retry-after", (status == 503).then(|| "1".into())));
    }
    Expected {
        status,
        headers,
        client: origin.client,
        is_counted,
        believes_headers: origin.believes_headers,
        has_key,
        reaches_keys,
        compresses: if setup.rpc || is_head { Some(false) } else { accepts_gzip(request) },
    }
}

fn same(one: Option<&str>, other: Option<&str>) -> bool {
    one.map(str::to_ascii_lowercase) == other.map(str::to_ascii_lowercase)
}

/// The client's own id, if it is 1–128 visible ASCII characters.
pub fn request_id(request: &Request) -> Option<&str> {
    let sent = std::str::from_utf8(request.first("x-request-id")?).ok()?;
    (!sent.is_empty() && sent.len() <= 128 && sent.chars().all(|it| ('!'..='~').contains(&it)))
        .then_some(sent)
}

fn is_key(authorization: &[u8]) -> bool {
    let text = String::from_utf8_lossy(authorization);
    text.to_ascii_lowercase().starts_with("bearer ")
        && [KEY, "an-older-key"].contains(&text[7..].trim_matches([' ', '\t']))
}

/// Tries every way to cut the header into a name and a port.
fn trusts_host(trusted: &[&str], host: Option<&str>) -> bool {
    let Some(host) = host.map(str::to_ascii_lowercase) else { return trusted.is_empty() };
    let names = (0..=host.len()).filter_map(|cut| {
        let (name, port) = host.split_at(cut);
        let is_port = |it: &str| it.chars().all(|it| it.is_ascii_digit());
        let port_is_fine = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let is_address = name.len() > 1 && name.starts_with('[') && name.find(']') == Some(name.len() - 1);
        let is_name = !name.contains(':') && !name.starts_with('[');
        (port_is_fine && (is_address || is_name)).then_some(name)
    });
    let names: Vec<_> = names.collect();
    trusted.is_empty()
        || trusted.iter().map(|it| it.to_ascii_lowercase()).any(|pattern| {
            names.iter().any(|name| match pattern.strip_prefix('*') {
                Some(end) => name.ends_with(end) && *name != end,
                None => *name == pattern,
            })
        })
}

fn cors(
    setup: &Setup,
    request: &Request,
    is_preflight: bool,
    is_compressible: bool,
) -> Vec<(&'static str, Option<String>)> {
    let origin = request.first("origin").and_then(|it| std::str::from_utf8(it).ok());
    let any = setup.origins.contains(&"*") || (setup.origins.is_empty() && setup.debug);
    let allowed = match origin {
        Some(_) if any => Some("*"),
        Some(origin) => setup.origins.iter().find(|it| **it == origin).copied(),
        None => None,
    };
    let when = |condition: bool, text: &str| (allowed.is_some() && condition).then(|| text.to_owned());
    let mut vary = Vec::new();
    if !any && !setup.origins.is_empty() {
        vary.push("Origin");
    }
    if is_compressible {
        vary.push("Accept-Encoding");
    }
    vec![
        ("access-control-allow-origin", allowed.map(str::to_owned)),
        ("access-control-allow-methods", when(is_preflight, "GET,POST,OPTIONS")),
        ("access-control-allow-headers", when(is_preflight, "Content-Type,Authorization,X-Request-ID")),
        ("access-control-allow-credentials", None),
        ("vary", (!vary.is_empty()).then(|| vary.join(", "))),
    ]
}

#[derive(Debug)]
struct Origin {
    client: Option<IpAddr>,
    https: bool,
    believes_headers: bool,
}

/// From the right, as long as whoever wrote an entry is trusted.
fn origin(setup: &Setup, request: &Request) -> Origin {
    let trusts = |it: &IpAddr| {
        let networks = setup.proxies.iter().filter(|it| **it != "platform");
        networks
            .map(|it| it.parse().unwrap_or_else(|_| IpNet::from(it.parse::<IpAddr>().expect("an address"))))
            .any(|network| network.contains(it))
    };
    let peer = setup.peer.map(|it| it.to_canonical());
    let believes_headers = peer.is_some_and(|it| setup.proxies.contains(&"platform") || trusts(&it));
    let Some(peer) = peer.filter(|_| believes_headers) else {
        return Origin { client: peer, https: setup.https, believes_headers };
    };
    let list = request.list("x-forwarded-for").unwrap_or_default();
    let hops: Vec<_> = list.split(|it| *it == b',').map(address).collect();
    let proto = request.list("x-forwarded-proto").unwrap_or_default();
    let proto = String::from_utf8_lossy(&proto).to_ascii_lowercase();
    let https = proto.split(',').next_back().is_some_and(|it| it.trim_matches([' ', '\t']) == "https");
    // The chain from the connection outwards, until the first that is not trusted or cannot be read.
    let mut chain = vec![peer];
    chain.extend(hops.iter().rev().map_while(|it| *it));
    let trusted = chain.iter().skip(1).take_while(|it| trusts(it)).count();
    let client = chain[(trusted + 1).min(chain.len() - 1)];
    Origin { client: Some(client), https: https || setup.https, believes_headers }
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]` and `[::1]:5`, with a port of one to five digits.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let without_port = match text.rsplit_once(':') {
        Some((address, port)) if !port.contains(']') => {
            let is_port = (1..=5).contains(&port.len()) && port.chars().all(|it| it.is_ascii_digit());
            is_port.then_some(address)?
        }
        _ => text,
    };
    let had_port = without_port.len() < text.len();
    match without_port.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(|it| IpAddr::from(it).to_canonical()),
        None if had_port => without_port.parse::<Ipv4Addr>().ok().map(IpAddr::from),
        None => None,
    }
}

/// A list of codings with weights (RFC 9110 §12.5.3).
fn accepts_gzip(request: &Request) -> Option<bool> {
    let Some(list) = request.list("accept-encoding") else { return Some(false) };
    let list = String::from_utf8(list).ok()?.to_ascii_lowercase();
    let mut weights = Vec::new();
    for coding in list.split(',') {
        let parts: Vec<_> = coding.split(';').map(|it| it.trim_matches([' ', '\t'])).collect();
        let weight = match parts[1..] {
            [] => 1.0,
            [weight] => {
                let digits = weight.strip_prefix("q=")?;
                let is_weight =
                    digits.len() <= 5 && digits.bytes().all(|it| it.is_ascii_digit() || it == b'.');
                digits.parse::<f32>().ok().filter(|it| is_weight && (0.0..=1.0).contains(it))?
            }
            _ => return None,
        };
        weights.push((parts[0].to_owned(), weight));
    }
    let weight = |names: &[&str]| weights.iter().find(|it| names.contains(&&*it.0)).map(|it| it.1);
    // Of a coding that is listed twice nobody knows what is meant.
    let is_clear = |names: &[&str]| weights.iter().filter(|it| names.contains(&&*it.0)).count() < 2;
    if !is_clear(&["gzip", "x-gzip"]) || !is_clear(&["*"]) {
        return None;
    }
    Some(weight(&["gzip", "x-gzip"]).or(weight(&["*"])).is_some_and(|it| it > 0.0))
}
