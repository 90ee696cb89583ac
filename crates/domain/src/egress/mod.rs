//! Where a function may send requests: Spin's `allowed_outbound_hosts`, parsed.
//!
//! Nothing is allowed that no entry names. The address that a name leads to is judged elsewhere: an
//! entry grants a name, never a private network.

mod entry;

use std::net::IpAddr;

use ipnet::IpNet;

use crate::Problems;

pub const MAX_ENTRIES: usize = 100;
pub const MAX_ENTRY_BYTES: usize = 300;

/// Functions of one tenant call each other as `<function>.atoll.internal`.
pub const INTERNAL_SUFFIX: &str = ".atoll.internal";
/// The same, for guests that were built for Spin.
pub const SPIN_INTERNAL_SUFFIX: &str = ".spin.internal";

/// The only schemes that a guest can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

/// The hosts that a function's requests may go to; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AllowedHosts(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Rule {
    /// Either if absent.
    scheme: Option<Scheme>,
    host: HostRule,
    ports: Ports,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum HostRule {
    Any,
    Name(String),
    /// Every name that ends so; the dot is the suffix's first byte.
    Below(String),
    Network(IpNet),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ports {
    first: u16,
    last: u16,
}

impl Scheme {
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl AllowedHosts {
    /// Tells of every entry that is not understood.
    pub fn parse(entries: &[String]) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        if entries.len() > MAX_ENTRIES {
            let detail = format!(
                "use at most {MAX_ENTRIES} entries; these are {}",
                entries.len()
            );
            problems.push("allowed_outbound_hosts", detail);
        }
        let mut rules = Vec::new();
        for (index, text) in entries.iter().take(MAX_ENTRIES).enumerate() {
            let field = format!("allowed_outbound_hosts[{index}]");
            rules.extend(problems.keep(&field, entry::parse(text)));
        }
        problems.into_result()?;
        Ok(Self(rules))
    }

    /// Whether a request may go there. A host is a name or an address, in brackets or not.
    pub fn allows(&self, scheme: Scheme, host: &str, port: u16) -> bool {
        let host = canonical_host(host);
        let address: Option<IpAddr> = bare(&host).parse().ok();
        self.0.iter().any(|rule| {
            rule.scheme.is_none_or(|only| only == scheme)
                && (rule.ports.first..=rule.ports.last).contains(&port)
                && rule.host.covers(&host, address)
        })
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl HostRule {
    fn covers(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::Any, _) => true,
            (Self::Network(network), Some(address)) => network.contains(&address.to_canonical()),
            (Self::Name(name), None) => name == host,
            (Self::Below(suffix), None) => {
                host.len() > suffix.len() && host.ends_with(suffix.as_str())
            }
            _ => false,
        }
    }
}

/// A host in the one spelling that names are compared in: lower case, without the root's dot, and of
/// two names for a tenant's own function the first.
pub fn canonical_host(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    match host.strip_suffix(SPIN_INTERNAL_SUFFIX) {
        Some(function) => format!("{function}{INTERNAL_SUFFIX}"),
        None => host,
    }
}

/// The function that `shop.atoll.internal` means; names below it mean none.
pub fn internal_function(host: &str) -> Option<String> {
    let host = canonical_host(host);
    let function = host.strip_suffix(INTERNAL_SUFFIX)?;
    (!function.is_empty()).then(|| function.to_owned())
}

fn bare(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

#[cfg(test)]
mod tests;
