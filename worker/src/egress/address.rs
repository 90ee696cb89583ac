//! Which addresses a function may reach: public ones, and what the operator opens.
//!
//! Judged is the address that is connected to, never the text that named it. The worker's own
//! listeners are closed even where the operator opens their network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

pub(super) struct Guard {
    pub(super) own: Vec<SocketAddr>,
    pub(super) deny: Vec<IpNet>,
    pub(super) allow: Vec<IpNet>,
}

/// IANA's special-purpose registry, as far as it is not globally reachable, and what relays to it.
const CLOSED_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    // Metadata services of clouds are here.
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    // Azure's platform services, a public address that only its machines reach.
    v4([168, 63, 129, 16], 32),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// All that is ever given to machines in the open; the rest is closed as a whole, among it loopback,
/// ULA, link-local, site-local, multicast, NAT64 and IPv4-compatible addresses.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

/// Within it: protocol assignments with Teredo and benchmarking, documentation, 6to4.
const CLOSED_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0], 32),
    v6([0x2002, 0, 0, 0], 16),
    v6([0x3fff, 0, 0, 0], 20),
];

impl Guard {
    /// The reason against it, if there is one.
    pub(super) fn refusal(&self, to: SocketAddr) -> Option<&'static str> {
        let address = to.ip().to_canonical();
        if self.own.iter().any(|own| own.port() == to.port()) && is_of_this_machine(address) {
            return Some("is the worker's own");
        }
        let within = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        if within(&self.deny) {
            return Some("is closed to functions by the operator");
        }
        if within(&self.allow) {
            return None;
        }
        if !is_public(address) {
            return Some("is not public");
        }
        is_of_this_machine(address).then_some("is the worker's own")
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !CLOSED_V4.iter().any(|network| network.contains(&v4)),
        IpAddr::V6(v6) => {
            GLOBAL_V6.contains(&v6) && !CLOSED_V6.iter().any(|network| network.contains(&v6))
        }
    }
}

/// The kernel would send from the very address it sends to. Nothing is sent to learn that.
fn is_of_this_machine(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    if address.is_loopback() || address.is_unspecified() {
        return true;
    }
    UdpSocket::bind((any, 0))
        .and_then(|socket| {
            socket.connect((address, 9))?;
            socket.local_addr()
        })
        .is_ok_and(|from| from.ip() == address)
}

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 4], prefix: u8) -> Ipv6Net {
    let [a, b, c, d] = head;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(deny: &[&str], allow: &[&str]) -> Guard {
        let nets = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect();
        Guard {
            own: vec![SocketAddr::from(([127, 0, 0, 1], 8443))],
            deny: nets(deny),
            allow: nets(allow),
        }
    }

    fn is_refused(guard: &Guard, address: &str, port: u16) -> bool {
        let address: IpAddr = address.parse().unwrap();
        guard.refusal((address, port).into()).is_some()
    }

    #[test]
    fn no_address_is_reached_that_is_not_public() {
        let guard = guard(&[], &[]);
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_refused(&guard, address, 443), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "::ffff:8.8.8.8",
            "2606:4700::1111",
            "2a00:1450:4001::8a",
        ] {
            assert!(!is_refused(&guard, address, 443), "{address}");
        }
    }

    #[test]
    fn an_operator_opens_and_closes_networks_but_never_the_workers_own_listeners() {
        let guard = guard(
            &["8.8.0.0/16", "127.0.0.9/32"],
            &["127.0.0.0/8", "fd00::/8"],
        );
        assert!(is_refused(&guard, "8.8.8.8", 443));
        assert!(is_refused(&guard, "::ffff:8.8.8.8", 443));
        assert!(!is_refused(&guard, "127.0.0.1", 80));
        assert!(!is_refused(&guard, "::ffff:127.0.0.1", 80));
        assert!(!is_refused(&guard, "fd00::1", 80));
        assert!(is_refused(&guard, "10.0.0.1", 80));
        assert!(is_refused(&guard, "127.0.0.9", 80));
        assert!(is_refused(&guard, "127.0.0.1", 8443));
        assert!(is_refused(&guard, "127.0.0.2", 8443));
    }
}
