//! Which addresses nobody outside may lead us to.
//!
//! The tables follow the IANA registries of special-purpose addresses (RFC 6890 and its successors). For IPv6 the last
//! word is a positive one: what lies outside of global unicast, 2000::/3, is refused even when no line names it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address that was refused, for the attempt log. Never for the caller, who could map a network with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The address.
    pub address: IpAddr,
    /// Why, in a few words.
    pub reason: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is refused: {}", self.address, self.reason)
    }
}

/// First address of a network, its prefix in bits, and why it is refused.
type V4Line = ([u8; 4], u32, &'static str);
/// The same for IPv6, as eight groups.
type V6Line = ([u16; 8], u32, &'static str);

const V4: &[V4Line] = &[
    ([0, 0, 0, 0], 8, "this network (0.0.0.0/8)"),
    ([10, 0, 0, 0], 8, "private (10.0.0.0/8)"),
    ([100, 64, 0, 0], 10, "carrier-grade NAT (100.64.0.0/10)"),
    ([127, 0, 0, 0], 8, "loopback (127.0.0.0/8)"),
    ([168, 63, 129, 16], 32, "a cloud platform's own services (168.63.129.16)"),
    ([169, 254, 0, 0], 16, "link-local (169.254.0.0/16)"),
    ([172, 16, 0, 0], 12, "private (172.16.0.0/12)"),
    ([192, 0, 0, 0], 24, "protocol assignments (192.0.0.0/24)"),
    ([192, 0, 2, 0], 24, "documentation (192.0.2.0/24)"),
    ([192, 88, 99, 0], 24, "6to4 relay (192.88.99.0/24)"),
    ([192, 168, 0, 0], 16, "private (192.168.0.0/16)"),
    ([198, 18, 0, 0], 15, "benchmarking (198.18.0.0/15)"),
    ([198, 51, 100, 0], 24, "documentation (198.51.100.0/24)"),
    ([203, 0, 113, 0], 24, "documentation (203.0.113.0/24)"),
    ([224, 0, 0, 0], 4, "multicast (224.0.0.0/4)"),
    ([255, 255, 255, 255], 32, "broadcast (255.255.255.255)"),
    ([240, 0, 0, 0], 4, "reserved (240.0.0.0/4)"),
];

const V6: &[V6Line] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified (::)"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback (::1)"),
    ([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-compatible (::/96)"),
    ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64 (64:ff9b::/96)"),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local NAT64 (64:ff9b:1::/48)"),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard (100::/64)"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo (2001::/32)"),
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarking (2001:2::/48)"),
    ([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "ORCHID (2001:10::/28)"),
    ([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2 (2001:20::/28)"),
    // The rest of the block holds anycast services of protocols, no web server.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "protocol assignments (2001::/23)"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation (2001:db8::/32)"),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4 (2002::/16)"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation (3fff::/20)"),
    ([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing (5f00::/16)"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local (fc00::/7)"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local (fe80::/10)"),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local (fec0::/10)"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast (ff00::/8)"),
];

/// 2000::/3.
const GLOBAL_UNICAST: V6Line = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, "global unicast (2000::/3)");

/// Why an address must not be called; `None` when it may. An IPv4-mapped address is judged by the IPv4 address in it.
///
/// The first line that fits gives the reason. The exceptions of an operator are in [`Policy`](crate::Policy), not here.
#[must_use]
pub fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => V4.iter().find(|line| holds_v4(line, address)).map(|line| line.2),
        IpAddr::V6(address) => match V6.iter().find(|line| holds_v6(line, address)) {
            Some(line) => Some(line.2),
            None if holds_v6(&GLOBAL_UNICAST, address) => None,
            None => Some("not global unicast (outside of 2000::/3)"),
        },
    }
}

fn holds_v4(&(first, prefix_bits, _): &V4Line, address: Ipv4Addr) -> bool {
    let differing = address.to_bits() ^ Ipv4Addr::from(first).to_bits();
    differing.leading_zeros() >= prefix_bits
}

fn holds_v6(&(first, prefix_bits, _): &V6Line, address: Ipv6Addr) -> bool {
    let differing = address.to_bits() ^ Ipv6Addr::from(first).to_bits();
    differing.leading_zeros() >= prefix_bits
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
