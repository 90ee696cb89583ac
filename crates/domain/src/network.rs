//! Networks of IP addresses, `10.0.0.0/8` or one address alone.
//!
//! An IPv4 address that is written as an IPv6 one is compared as what it is.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::Invalid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// Bits behind the prefix are zero.
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Takes an address within the network for the network.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, Invalid> {
        let width = width(address);
        if prefix > width {
            return Err(Invalid::new(
                "network",
                format!("a prefix of {address} has 0 to {width} bits; this has {prefix}"),
            ));
        }
        Ok(Self::within(address, prefix))
    }

    /// The network of exactly one address.
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self::within(address, width(address))
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.address)
            && Self::within(address, self.prefix).address == self.address
    }

    fn within(address: IpAddr, prefix: u8) -> Self {
        let address = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX
                    .checked_shl(32 - u32::from(prefix))
                    .unwrap_or_default();
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(prefix))
                    .unwrap_or_default();
                IpAddr::V6((v6.to_bits() & mask).into())
            }
        };
        Self { address, prefix }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl FromStr for Network {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let malformed = || {
            let detail = format!("use an address or a network like 10.0.0.0/8; this is {text:?}");
            Invalid::new("network", detail)
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        match prefix {
            None => Ok(Self::of(address)),
            Some(prefix) if prefix.bytes().all(|b| b.is_ascii_digit()) => {
                Self::new(address, prefix.parse().map_err(|_| malformed())?)
            }
            Some(_) => Err(malformed()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        let network: Network = network.parse().unwrap();
        network.contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_has_the_addresses_of_its_prefix() {
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(contains("10.1.2.3/8", "10.0.0.0"));
        assert!(!contains("10.0.0.0/8", "11.0.0.0"));
        assert!(contains("0.0.0.0/0", "255.255.255.255"));
        assert!(!contains("0.0.0.0/0", "::1"));
        assert!(contains("::/0", "fe80::1"));
        assert!(contains("fd00::/8", "fdff::1"));
        assert!(contains("127.0.0.1", "127.0.0.1"));
        assert!(!contains("127.0.0.1", "127.0.0.2"));
        assert!(contains("127.0.0.0/8", "::ffff:127.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_told() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "a/8",
            "10.0.0.0/+8",
            "1/2/3",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
