//! Networks in CIDR notation, for the operator's allow list.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A network: an address and how many leading bits count.
///
/// Invariants: the bits behind the prefix are zero; the prefix is at most 32 or 128; an IPv4-mapped address is not held as
/// IPv6, because addresses are compared in their canonical form.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    first: IpAddr,
    prefix_bits: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// No IP address stands before the slash.
    #[error("{0:?} is no network: write an IP address or address/prefix, such as 192.168.1.0/24")]
    Address(String),
    /// The prefix is no number, or longer than the address.
    #[error("{0:?} is no network: the prefix is a number of bits, at most 32 for IPv4 and 128 for IPv6")]
    Prefix(String),
    /// An address inside of the network instead of its first one: perhaps the prefix is wrong.
    #[error("{text:?} is no network: it has bits behind its prefix; did you mean {suggestion}?")]
    HostBits {
        /// What was written.
        text: String,
        /// The network that holds the address.
        suggestion: Network,
    },
    /// An IPv4-mapped IPv6 network.
    #[error("{0:?} is an IPv4 network in IPv6 clothes: write it as IPv4")]
    Mapped(String),
}

impl Network {
    /// All addresses of both families.
    pub(crate) fn everything() -> Vec<Self> {
        let first = [IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)];
        first.map(|first| Self { first, prefix_bits: 0 }).to_vec()
    }

    /// Whether the address lies in the network. An IPv4-mapped address counts as the IPv4 address in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                (first.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                (first.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(self.prefix_bits)
            }
            _ => false,
        }
    }
}

/// The address with all bits behind the prefix set to zero.
fn masked(address: IpAddr, prefix_bits: u8) -> IpAddr {
    let prefix_bits = u32::from(prefix_bits);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix_bits)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix_bits)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `10.0.0.0/8`, `192.168.1.5`, `fd00::/8` or `fd00::5`.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address(text.to_owned()))?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            None => longest,
            Some(prefix) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => prefix
                .parse()
                .ok()
                .filter(|bits| *bits <= longest)
                .ok_or_else(|| NetworkError::Prefix(text.to_owned()))?,
            Some(_) => return Err(NetworkError::Prefix(text.to_owned())),
        };
        if address.to_canonical() != address {
            return Err(NetworkError::Mapped(text.to_owned()));
        }
        let network = Self { first: masked(address, prefix_bits), prefix_bits };
        if network.first == address {
            Ok(network)
        } else {
            Err(NetworkError::HostBits { text: text.to_owned(), suggestion: network })
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.first, self.prefix_bits)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn check(network: &str, inside: &[&str], outside: &[&str]) {
        let network: Network = network.parse().unwrap();
        for address in inside {
            assert!(network.contains(address.parse().unwrap()), "{address} lies in {network}");
        }
        for address in outside {
            assert!(!network.contains(address.parse().unwrap()), "{address} lies outside of {network}");
        }
    }

    #[test]
    fn networks_hold_what_they_hold() {
        check(
            "10.0.0.0/8",
            &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
            &["11.0.0.0", "9.255.255.255", "::a00:1"],
        );
        check("192.168.1.5", &["192.168.1.5"], &["192.168.1.4", "192.168.1.6"]);
        check("192.168.1.4/31", &["192.168.1.4", "192.168.1.5"], &["192.168.1.6"]);
        check("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::", "2001:db8::1"]);
        check("::/0", &["::", "ffff::"], &["1.2.3.4", "::ffff:1.2.3.4"]);
        check("fd00::/8", &["fd00::", "fdff:ffff::1"], &["fc00::1", "fe00::1"]);
        check("fd00::5", &["fd00::5"], &["fd00::4"]);
    }

    #[test]
    fn networks_print_as_they_are_read() {
        for (text, printed) in [("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"), ("FD00::/08", "fd00::/8")] {
            let network: Network = text.parse().unwrap();
            assert_eq!(network.to_string(), printed);
            assert_eq!(network.to_string().parse(), Ok(network));
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        let refused = |text: &str| text.parse::<Network>().unwrap_err();
        for text in ["", "/8", "10/8", "10.0.0/8", "010.0.0.0/8", "localhost", "[::1]", "fe80::1%eth0", "10.0.0.0 /8"] {
            assert_eq!(refused(text), NetworkError::Address(text.to_owned()));
        }
        for text in
            ["10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "::/129", "::/256", "::/a"]
        {
            assert_eq!(refused(text), NetworkError::Prefix(text.to_owned()));
        }
        assert_eq!(refused("::ffff:10.0.0.0/104"), NetworkError::Mapped("::ffff:10.0.0.0/104".to_owned()));
        assert!(refused("192.168.1.5/24").to_string().contains("did you mean 192.168.1.0/24?"));
    }
}
