//! Who calls, where a proxy has ended TLS: what it says in `x-forwarded-for` and `x-forwarded-proto` is
//! believed if it is one of ours, and nothing that came to it from outside is.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

const MAX_HOPS: usize = 32;

/// The caller behind the proxies, and the scheme it spoke.
pub(crate) fn of(
    headers: &HeaderMap,
    peer: SocketAddr,
    trusted: &[IpNet],
) -> (SocketAddr, &'static str) {
    let is_trusted = |ip: IpAddr| {
        let ip = ip.to_canonical();
        trusted.iter().any(|net| net.contains(&ip))
    };
    if !is_trusted(peer.ip()) {
        return (peer, "http");
    }
    let values = headers.get_all("x-forwarded-for").iter();
    let hops: Vec<_> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut caller = peer;
    // Each proxy adds at the end whom it heard: the first from there that is not ours is the caller.
    for hop in hops.iter().rev().take(MAX_HOPS) {
        let Some(address) = address(hop) else { break };
        caller = address;
        if !is_trusted(address.ip()) {
            break;
        }
    }
    let last = headers.get_all("x-forwarded-proto").iter().next_back();
    let last = last.and_then(|value| value.to_str().ok());
    let last = last
        .and_then(|value| value.rsplit(',').next())
        .map(str::trim);
    match last {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => (caller, "https"),
        _ => (caller, "http"),
    }
}

/// With or without a port, which is zero where it is not told.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let ip = bare.unwrap_or(text).parse::<IpAddr>();
    ip.map(|ip| SocketAddr::new(ip, 0))
        .or_else(|_| text.parse())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let (caller, scheme) = of(&headers, peer.parse().unwrap(), &trusted);
        format!("{scheme} {caller}")
    }

    #[test]
    fn only_what_our_proxies_heard_themselves_is_believed() {
        let forged = ("x-forwarded-for", "1.1.1.1, 203.0.113.9");
        let https = ("x-forwarded-proto", "https");
        assert_eq!(told("192.0.2.1:5", &[forged, https]), "http 192.0.2.1:5");
        assert_eq!(told("10.0.0.1:5", &[forged, https]), "https 203.0.113.9:0");
        assert_eq!(told("[::ffff:10.0.0.1]:5", &[forged]), "http 203.0.113.9:0");
        assert_eq!(
            told("10.0.0.1:5", &[forged, ("x-forwarded-for", "10.2.2.2")]),
            "http 203.0.113.9:0"
        );
        assert_eq!(told("10.0.0.1:5", &[]), "http 10.0.0.1:5");
        assert_eq!(
            told("10.0.0.1:5", &[("x-forwarded-for", "203.0.113.9, unknown")]),
            "http 10.0.0.1:5"
        );
        assert_eq!(
            told("[::1]:5", &[("x-forwarded-for", "[2001:db8::7]:443")]),
            "http [2001:db8::7]:443"
        );
        assert_eq!(
            told("10.0.0.1:5", &[("x-forwarded-proto", "https, http")]),
            "http 10.0.0.1:5"
        );
    }
}
