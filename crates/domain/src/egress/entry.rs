//! One entry: `scheme://host[:port]`, each with its wildcards.
//!
//! Whoever brings a list from Spin keeps what it means. What would grant nothing here is refused
//! rather than taken silently: other schemes than HTTP's, templates, lists in braces.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::{HostRule, INTERNAL_SUFFIX, MAX_ENTRY_BYTES, Ports, Rule, Scheme, canonical_host};
use crate::Invalid;

const FORM: &str = "use scheme://host[:port], like https://api.example.com, https://*.example.com or http://10.1.2.0/24:8080";

pub(super) fn parse(text: &str) -> Result<Rule, Invalid> {
    if text.len() > MAX_ENTRY_BYTES {
        let detail = format!(
            "use at most {MAX_ENTRY_BYTES} bytes; this has {}",
            text.len()
        );
        return Err(refused(detail));
    }
    refuse_templates(text)?;
    let Some((scheme, rest)) = text.trim().split_once("://") else {
        return Err(refused(format!("{FORM}; {text:?} has no scheme")));
    };
    let scheme = parse_scheme(scheme)?;
    let (host, prefix, port) = split(rest)?;
    Ok(Rule {
        scheme,
        host: parse_host(host, prefix)?,
        ports: parse_ports(port, scheme)?,
    })
}

fn refused(detail: impl Into<String>) -> Invalid {
    Invalid::new("allowed_outbound_hosts", detail)
}

fn refuse_templates(text: &str) -> Result<(), Invalid> {
    let Some(open) = text.find('{') else {
        return Ok(());
    };
    let seen = match text.rfind('}') {
        Some(close) if close > open => &text[open..=close],
        _ => &text[open..],
    };
    if seen.starts_with("{{") {
        return Err(refused(format!(
            "templates are not filled in here, write what {seen} stands for"
        )));
    }
    Err(refused(format!(
        "lists in braces are not supported, write an entry for each of {seen}"
    )))
}

fn parse_scheme(scheme: &str) -> Result<Option<Scheme>, Invalid> {
    match scheme.to_ascii_lowercase().as_str() {
        "*" => Ok(None),
        "http" => Ok(Some(Scheme::Http)),
        "https" => Ok(Some(Scheme::Https)),
        _ => Err(refused(format!(
            "a function sends requests over http and https only, so the scheme {scheme:?} would grant nothing"
        ))),
    }
}

/// Host, digits of a network's prefix, and port, the last two perhaps empty.
fn split(rest: &str) -> Result<(&str, &str, &str), Invalid> {
    // A path of nothing but its slash is a URL's way to say that there is none.
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, behind) = if rest.starts_with('[') {
        let close = rest
            .find(']')
            .ok_or_else(|| refused(format!("{rest:?} lacks the closing bracket")))?;
        rest.split_at(close + 1)
    } else {
        let end = rest.find('/').or_else(|| rest.rfind(':'));
        rest.split_at(end.unwrap_or(rest.len()))
    };
    let (prefix, port) = match behind.strip_prefix('/') {
        Some(behind) => match behind.split_once(':') {
            Some((prefix, port)) => (prefix, Some(port)),
            None => (behind, None),
        },
        None if behind.is_empty() => ("", None),
        None => match behind.strip_prefix(':') {
            Some(port) => ("", Some(port)),
            None => {
                return Err(refused(format!(
                    "{FORM}; this has {behind:?} after its host"
                )));
            }
        },
    };
    if !prefix.bytes().all(|b| b.is_ascii_digit()) || (behind.starts_with('/') && prefix.is_empty())
    {
        return Err(refused(format!(
            "an entry grants a host with all its paths; this has the path {behind:?}"
        )));
    }
    if port == Some("") {
        return Err(refused(format!("{FORM}; the port of {rest:?} is empty")));
    }
    Ok((host, prefix, port.unwrap_or_default()))
}

fn parse_host(host: &str, prefix: &str) -> Result<HostRule, Invalid> {
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if let Some(inner) = bracketed
        && let Some((address, prefix)) = inner.split_once('/')
    {
        return parse_network(parse_v6(address)?, prefix);
    }
    let address = match bracketed {
        Some(inner) => Some(parse_v6(inner)?),
        None => host.parse::<IpAddr>().ok(),
    };
    match (address, prefix) {
        (Some(address), "") => return Ok(HostRule::Network(address.to_canonical().into())),
        (Some(address), prefix) => return parse_network(address, prefix),
        (None, "") => {}
        (None, _) => {
            return Err(refused(format!(
                "an entry grants a host with all its paths; this has the path \"/{prefix}\""
            )));
        }
    }
    match host {
        "*" => Ok(HostRule::Any),
        // To Spin, the application the component is part of; here, its tenant's functions.
        "self" | "self.alt" => Ok(HostRule::Below(INTERNAL_SUFFIX.to_owned())),
        _ => match host.strip_prefix("*.") {
            Some(parent) => {
                let below = parse_name(host, &format!("any.{parent}"))?;
                Ok(HostRule::Below(below["any".len()..].to_owned()))
            }
            None => Ok(HostRule::Name(parse_name(host, host)?)),
        },
    }
}

fn parse_v6(text: &str) -> Result<IpAddr, Invalid> {
    let address = text.parse::<Ipv6Addr>();
    let malformed = |_| refused(format!("{text:?} in brackets is not an IPv6 address"));
    address.map(IpAddr::V6).map_err(malformed)
}

/// An address within a network stands for the network.
fn parse_network(address: IpAddr, prefix: &str) -> Result<HostRule, Invalid> {
    let network = prefix
        .parse()
        .ok()
        .and_then(|bits| IpNet::new(address, bits).ok());
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let malformed = || {
        refused(format!(
            "a prefix of {address} has 0 to {widest} bits; this is {prefix:?}"
        ))
    };
    Ok(HostRule::Network(network.ok_or_else(malformed)?.trunc()))
}

/// The name in the spelling that names are compared in; `host` is what is told of it.
fn parse_name(host: &str, name: &str) -> Result<String, Invalid> {
    if name.contains('*') {
        return Err(refused(format!(
            "a wildcard stands for a whole host or for what is before its first dot; this is {host:?}"
        )));
    }
    if name.contains(':') {
        return Err(refused(format!(
            "write an IPv6 address in brackets; this is {host:?}"
        )));
    }
    let name = canonical_host(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(refused(format!(
            "a host is of labels of a-z, 0-9 and dashes, others are written in punycode; this is {host:?}"
        )));
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) || is_hexadecimal(last) {
        return Err(refused(format!(
            "write an IPv4 address as four decimal numbers; this is {host:?}"
        )));
    }
    if name
        .strip_suffix(INTERNAL_SUFFIX)
        .is_some_and(|function| function.contains('.'))
    {
        return Err(refused(format!(
            "a function is called by its name alone, as <function>{INTERNAL_SUFFIX}; this is {host:?}"
        )));
    }
    Ok(name)
}

/// `0x7f`, which resolvers take for a part of an address.
fn is_hexadecimal(label: &str) -> bool {
    label
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn parse_ports(port: &str, scheme: Option<Scheme>) -> Result<Ports, Invalid> {
    let number = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        digits
            .then(|| text.parse::<u16>().ok())
            .flatten()
            .filter(|&port| port > 0)
            .ok_or_else(|| {
                let form = "use a port of 1 to 65535, a range like 8000..9000 whose end is not part of it, or *";
                refused(format!("{form}; this is {port:?}"))
            })
    };
    match (port, scheme) {
        ("*", _) => Ok(Ports {
            first: 1,
            last: u16::MAX,
        }),
        ("", Some(scheme)) => {
            let port = scheme.default_port();
            Ok(Ports {
                first: port,
                last: port,
            })
        }
        ("", None) => Err(refused(
            "an entry for any scheme names its port; use :* for all of them",
        )),
        _ => match port.split_once("..") {
            Some((first, end)) => {
                let (first, end) = (number(first)?, number(end)?);
                if first >= end {
                    return Err(refused(format!(
                        "a range of ports ends before its second number, so {port:?} is empty"
                    )));
                }
                Ok(Ports {
                    first,
                    last: end - 1,
                })
            }
            None => {
                let port = number(port)?;
                Ok(Ports {
                    first: port,
                    last: port,
                })
            }
        },
    }
}
