//! Who the client is where proxies stand between: `X-Forwarded-For` and `X-Forwarded-Proto`, believed only as far
//! as trusted proxies have written them. `Forwarded` (RFC 7239) is not read: proxies that write it write
//! `X-Forwarded-For`, too.
//!
//! A header is a list to which every proxy appends what it saw, so it is read from the right: as long as a hop is
//! trusted, what it says of the hop before it counts. The rightmost hop that is not trusted is the client, and
//! everything to the left of it is the client's own words.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use http::HeaderName;
use ipnet::{IpNet, Ipv4Net};

use super::Head;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// One entry of the list of trusted proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedProxy {
    /// Whoever connects: the platform is the only one who can, as on Cloud Run. Written `platform`.
    Platform,
    /// A network, or one address.
    Network(IpNet),
}

/// A text that names no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseTrustedProxyError;

/// The proxies whose word counts; with none, only the connection's own address does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<TrustedProxy>);

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The client's address.
    pub(super) client: Option<IpAddr>,
    /// Whether it came by HTTPS, as far as we can know.
    pub(super) https: bool,
}

impl TrustedProxies {
    /// Trusts these.
    pub fn new(proxies: impl IntoIterator<Item = TrustedProxy>) -> Self {
        Self(proxies.into_iter().collect())
    }

    pub(super) fn origin(&self, head: &Head<'_>) -> Origin {
        let Some(peer) = head.peer.map(|it| it.to_canonical()) else {
            return Origin { client: None, https: head.encrypted };
        };
        if !self.contains(peer) {
            return Origin { client: Some(peer), https: head.encrypted };
        }
        let proto = hops(head, &X_FORWARDED_PROTO).next();
        Origin {
            client: Some(self.client(peer, hops(head, &X_FORWARDED_FOR).map(address))),
            https: head.encrypted || proto.is_some_and(is_https),
        }
    }

    /// Whether a connection from there is a trusted proxy's.
    pub(super) fn contains(&self, peer: IpAddr) -> bool {
        self.0.contains(&TrustedProxy::Platform) || self.trusts(peer.to_canonical())
    }

    /// The first hop from the right that is not trusted; if one is no address, the hop that wrote it.
    fn client(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut client = peer;
        for hop in hops {
            let Some(hop) = hop else { break };
            client = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|it| matches!(it, TrustedProxy::Network(network) if network.contains(&address)))
    }
}

/// One client, as limits count: an IPv4 address, or the /64 that one IPv6 customer gets.
pub(super) fn client_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(it) => Ipv6Addr::from_bits(it.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl FromStr for TrustedProxy {
    type Err = ParseTrustedProxyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("platform") {
            return Ok(Self::Platform);
        }
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(|it| Self::Network(canonical(it).trunc())).map_err(|_| ParseTrustedProxyError)
    }
}

/// A network of IPv4 addresses written as IPv6 ones (`::ffff:10.0.0.0/104`) as the network it is: addresses are compared
/// in their own form.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let (IpAddr::V4(v4), Some(prefix)) = (v6.addr().to_canonical(), v6.prefix_len().checked_sub(96)) else {
        return network;
    };
    Ipv4Net::new(v4, prefix).map_or(network, IpNet::V4)
}

impl fmt::Display for ParseTrustedProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected addresses or networks such as 10.0.0.0/8, or platform")
    }
}

impl std::error::Error for ParseTrustedProxyError {}

/// The entries of a list from the right. All lines of a header are one list (RFC 9110 §5.3): a proxy may append a
/// line of its own.
fn hops<'a>(head: &Head<'a>, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    head.lines(name).rev().flat_map(|line| line.rsplit(|it| *it == b','))
}

fn is_https(proto: &[u8]) -> bool {
    proto.trim_ascii().eq_ignore_ascii_case(b"https")
}

/// An address, with or without a port, an IPv6 one with or without brackets.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop.trim_ascii()).ok()?;
    if let Some(rest) = hop.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_alone = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let address = is_alone.then_some(address)?.parse::<Ipv6Addr>().ok()?;
        return Some(address.to_canonical());
    }
    let address = match hop.split_once(':') {
        // Of two colons neither begins a port.
        Some((address, port)) if !port.contains(':') => is_port(port).then_some(address)?,
        _ => hop,
    };
    address.parse().ok().map(|it: IpAddr| it.to_canonical())
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::head::request;

    fn origin(trusted: &[&str], peer: &str, headers: &[(&'static str, &str)]) -> (String, bool) {
        let proxies = TrustedProxies::new(trusted.iter().map(|it| it.parse().unwrap()));
        let request = request("/", headers);
        let origin = proxies.origin(&Head::of(&request, Some(peer.parse().unwrap())));
        (origin.client.unwrap().to_string(), origin.https)
    }

    fn client(headers: &[(&'static str, &str)]) -> String {
        origin(&["10.0.0.0/8", "2001:db8::/32"], "10.0.0.1", headers).0
    }

    #[test]
    fn headers_of_strangers_count_for_nothing() {
        let spoofed = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https")];
        assert_eq!(origin(&[], "203.0.113.9", &spoofed), ("203.0.113.9".into(), false));
        assert_eq!(origin(&["10.0.0.0/8"], "203.0.113.9", &spoofed), ("203.0.113.9".into(), false));
        assert_eq!(origin(&["10.0.0.0/8"], "::ffff:10.1.2.3", &spoofed), ("1.2.3.4".into(), true));
        assert_eq!(origin(&["::ffff:10.0.0.0/104"], "10.1.2.3", &spoofed), ("1.2.3.4".into(), true));
    }

    #[test]
    fn the_rightmost_hop_that_is_not_trusted_is_the_client() {
        let x = |value| client(&[("x-forwarded-for", value)]);
        assert_eq!(x("1.1.1.1, 203.0.113.7, 10.9.9.9"), "203.0.113.7");
        assert_eq!(x("203.0.113.7:4711"), "203.0.113.7");
        assert_eq!(x("[2001:db9::7]:4711"), "2001:db9::7");
        assert_eq!(x("2001:db9::7 , 2001:db8::1"), "2001:db9::7");
        assert_eq!(x("10.2.2.2, 10.3.3.3"), "10.2.2.2", "all are trusted: the first of them");
        assert_eq!(x("203.0.113.7, unknown, 10.9.9.9"), "10.9.9.9", "nobody knows: the hop that said so");
        for nonsense in ["", "garbage", "203.0.113.7:port", "[::1", "[1.2.3.4]", "1.2.3.4.5", "\u{e9}"] {
            assert_eq!(x(nonsense), "10.0.0.1", "{nonsense}");
        }
        let lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.7")];
        assert_eq!(client(&lines), "203.0.113.7", "the line that was appended");
    }

    #[test]
    fn on_a_platform_whoever_connects_is_believed_once() {
        let headers = [("x-forwarded-for", "1.1.1.1, 203.0.113.7"), ("x-forwarded-proto", "http, https")];
        assert_eq!(origin(&["platform"], "169.254.1.1", &headers), ("203.0.113.7".into(), true));
        let headers = [("x-forwarded-for", "203.0.113.7, 130.211.0.4")];
        assert_eq!(origin(&["platform", "130.211.0.0/22"], "169.254.1.1", &headers).0, "203.0.113.7");
    }

    #[test]
    fn proxies_are_networks_addresses_or_the_platform() {
        for good in ["10.0.0.0/8", "10.0.0.1", "2001:db8::/32", "::1", "platform"] {
            assert!(good.parse::<TrustedProxy>().is_ok(), "{good}");
        }
        for bad in ["", "*", "10.0.0.0/33", "proxy.example.com", "10.0.0"] {
            assert!(bad.parse::<TrustedProxy>().is_err(), "{bad}");
        }
    }
}
