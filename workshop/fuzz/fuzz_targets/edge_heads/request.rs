//! What a run begins with: settings, a connection and a request's head.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use flow_edge::drain::Drain;
use flow_edge::edge::{ApiKeys, CorsConfig, TrustedHosts, TrustedProxies};
use flow_edge::{Edge, EdgeConfig};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use sha2::{Digest, Sha256};

pub const KEY: &str = "sesame-0123456789";

/// What the first line chooses.
#[derive(Clone, Debug)]
pub struct Setup {
    pub hosts: &'static [&'static str],
    pub origins: &'static [&'static str],
    pub proxies: &'static [&'static str],
    pub keys: bool,
    pub debug: bool,
    pub draining: bool,
    pub version: Version,
    pub https: bool,
    pub rpc: bool,
    pub peer: Option<IpAddr>,
    pub limit: Option<&'static str>,
}

impl Setup {
    pub fn read(line: &[u8; 6]) -> Self {
        let [hosts, origins, proxies, flags, peer, limit] = line.map(|it| it.wrapping_sub(b'0'));
        let flag = |bit: u8| flags & 1 << bit != 0;
        let peers = ["", "203.0.113.9", "10.0.0.1", "::ffff:10.1.2.3", "127.0.0.1", "2001:db8::5"];
        Self {
            hosts: pick(
                hosts,
                &[&[], &["API.example.com", "*.internal", "[::1]", "127.0.0.1"], &["*"], &["*.example.com"]],
            ),
            origins: pick(
                origins,
                &[
                    &[],
                    &["https://app.example", "http://localhost:3000"],
                    &["*"],
                    &["null", "https://app.example"],
                ],
            ),
            proxies: pick(
                proxies,
                &[
                    &[],
                    &["10.0.0.0/8", "2001:db8::/32"],
                    &["platform"],
                    &["platform", "130.211.0.0/22"],
                    &["127.0.0.1", "::1"],
                ],
            ),
            keys: flag(0),
            debug: flag(1),
            draining: flag(2),
            version: [Version::HTTP_11, Version::HTTP_2, Version::HTTP_10, Version::HTTP_2]
                [usize::from(flag(3)) + 2 * usize::from(flag(6))],
            https: flag(4),
            rpc: flag(5),
            peer: pick(peer, &peers).parse().ok(),
            limit: pick(limit, &[None, Some("1/day"), Some("2/day")]),
        }
    }

    /// An edge that has counted nobody yet: days do not pass while we look, so the clock plays no part.
    pub fn edge(&self) -> Arc<Edge> {
        let owned = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let keys = ["an-older-key", KEY].map(|it| Sha256::digest(it).into());
        let drain = Drain::default();
        if self.draining {
            drain.start_draining();
        }
        let settings = EdgeConfig {
            rate_limit: self.limit.map(|it| it.parse().expect("a rate")),
            trusted_hosts: TrustedHosts::new(owned(self.hosts)),
            trusted_proxies: TrustedProxies::new(self.proxies.iter().map(|it| it.parse().expect("a proxy"))),
            api_keys: if self.keys { ApiKeys::new(keys) } else { ApiKeys::default() },
            cors: CorsConfig { origins: owned(self.origins), ..CorsConfig::default() },
            hsts_max_age: Duration::from_secs(7),
            debug: self.debug,
            ..fuzz::open_settings()
        };
        Edge::new(settings, drain)
    }
}

fn pick<T: Copy>(number: u8, choices: &[T]) -> T {
    choices[usize::from(number) % choices.len()]
}

/// A head that hyper would let through.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub target: Uri,
    pub lines: Vec<(String, Vec<u8>)>,
}

impl Request {
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut lines = text.split(|it| *it == b'\n');
        let first = std::str::from_utf8(lines.next()?).ok()?;
        let (method, target) = first.split_once(' ')?;
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        let target = target.parse().ok()?;
        let lines = lines.filter_map(|line| {
            let colon = line.iter().position(|it| *it == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
            Some((name.as_str().to_owned(), value.as_bytes().to_vec()))
        });
        Some(Self { method, target, lines: lines.collect() })
    }

    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// The headers, as a parser of HTTP makes them.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.lines {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("read as one");
            headers.append(name, HeaderValue::from_bytes(value).expect("read as one"));
        }
        headers
    }

    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.lines.iter().find(|it| it.0 == name).map(|it| &*it.1)
    }

    /// How many lines a header has.
    pub fn lines(&self, name: &str) -> usize {
        self.lines.iter().filter(|it| it.0 == name).count()
    }

    /// All lines of a header as one list.
    pub fn list(&self, name: &str) -> Option<Vec<u8>> {
        let lines: Vec<_> = self.lines.iter().filter(|it| it.0 == name).map(|it| &*it.1).collect();
        (!lines.is_empty()).then(|| lines.join(&b','))
    }

    /// What the `Host` header says, where it can be a host at all.
    pub fn host(&self) -> Option<&str> {
        self.first("host").and_then(|it| std::str::from_utf8(it).ok()).filter(|it| it.is_ascii())
    }

    pub fn without(mut self, names: &[&str]) -> Self {
        self.lines.retain(|it| !names.contains(&it.0.as_str()));
        self
    }
}
