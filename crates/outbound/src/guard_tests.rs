//! The guard's table, from both sides of every boundary.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;

/// Each address with a word of the reason, or with nothing when it may be called.
fn check(table: &[(&str, &str)]) {
    for (address, word) in table {
        let found = forbidden(address.parse().unwrap());
        match found {
            None => assert_eq!(*word, "", "{address} is allowed"),
            Some(reason) => assert!(!word.is_empty() && reason.contains(word), "{address}: {reason}"),
        }
    }
}

#[test]
fn ipv4_networks_end_where_they_end() {
    check(&[
        ("0.0.0.0", "this network"),
        ("0.255.255.255", "this network"),
        ("1.0.0.0", ""),
        ("9.255.255.255", ""),
        ("10.0.0.0", "private"),
        ("10.255.255.255", "private"),
        ("11.0.0.0", ""),
        ("100.63.255.255", ""),
        ("100.64.0.0", "carrier"),
        ("100.100.100.200", "carrier"),
        ("100.127.255.255", "carrier"),
        ("100.128.0.0", ""),
        ("126.255.255.255", ""),
        ("127.0.0.0", "loopback"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("128.0.0.0", ""),
        ("168.63.129.15", ""),
        ("168.63.129.16", "cloud"),
        ("168.63.129.17", ""),
        ("169.253.255.255", ""),
        ("169.254.0.0", "link-local"),
        ("169.254.169.254", "link-local"),
        ("169.254.255.255", "link-local"),
        ("169.255.0.0", ""),
        ("172.15.255.255", ""),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", ""),
        ("191.255.255.255", ""),
        ("192.0.0.0", "protocol"),
        ("192.0.0.192", "protocol"),
        ("192.0.0.255", "protocol"),
        ("192.0.1.0", ""),
        ("192.0.1.255", ""),
        ("192.0.2.0", "documentation"),
        ("192.0.2.255", "documentation"),
        ("192.0.3.0", ""),
        ("192.88.98.255", ""),
        ("192.88.99.0", "6to4"),
        ("192.88.99.255", "6to4"),
        ("192.88.100.0", ""),
        ("192.167.255.255", ""),
        ("192.168.0.0", "private"),
        ("192.168.255.255", "private"),
        ("192.169.0.0", ""),
        ("198.17.255.255", ""),
        ("198.18.0.0", "benchmarking"),
        ("198.19.255.255", "benchmarking"),
        ("198.20.0.0", ""),
        ("198.51.99.255", ""),
        ("198.51.100.0", "documentation"),
        ("198.51.100.255", "documentation"),
        ("198.51.101.0", ""),
        ("203.0.112.255", ""),
        ("203.0.113.0", "documentation"),
        ("203.0.113.255", "documentation"),
        ("203.0.114.0", ""),
        ("223.255.255.255", ""),
        ("224.0.0.0", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.0", "reserved"),
        ("255.255.255.254", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("8.8.8.8", ""),
        ("93.184.215.14", ""),
    ]);
}

#[test]
fn ipv6_networks_end_where_they_end() {
    check(&[
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::2", "IPv4-compatible"),
        ("::7f00:1", "IPv4-compatible"),
        ("::8.8.8.8", "IPv4-compatible"),
        ("::ffff:ffff", "IPv4-compatible"),
        ("::1:0:0", "not global"),
        ("::fffe:7f00:1", "not global"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:7f00:1", "loopback"),
        ("::ffff:10.1.2.3", "private"),
        ("::ffff:169.254.169.254", "link-local"),
        ("::ffff:255.255.255.255", "broadcast"),
        ("::ffff:8.8.8.8", ""),
        ("::ffff:0:127.0.0.1", "not global"),
        ("64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "not global"),
        ("64:ff9b::", "NAT64"),
        ("64:ff9b::7f00:1", "NAT64"),
        ("64:ff9b::8.8.8.8", "NAT64"),
        ("64:ff9b::ffff:ffff", "NAT64"),
        ("64:ff9b:1::", "local NAT64"),
        ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64"),
        ("64:ff9b:2::", "not global"),
        ("100::", "discard"),
        ("100::ffff:ffff:ffff:ffff", "discard"),
        ("100:0:0:1::", "not global"),
        ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global"),
        ("2000::", ""),
        ("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
        ("2001::", "Teredo"),
        ("2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo"),
        ("2001:1::1", "protocol"),
        ("2001:2::", "benchmarking"),
        ("2001:2:0:ffff:ffff:ffff:ffff:ffff", "benchmarking"),
        ("2001:2:1::", "protocol"),
        ("2001:10::", "ORCHID ("),
        ("2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", "ORCHID ("),
        ("2001:20::", "ORCHIDv2"),
        ("2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", "ORCHIDv2"),
        ("2001:30::", "protocol"),
        ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocol"),
        ("2001:200::", ""),
        ("2001:4860:4860::8888", ""),
        ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", ""),
        ("2001:db8::", "documentation"),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
        ("2001:db9::", ""),
        ("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
        ("2002::", "6to4"),
        ("2002:7f00:1::", "6to4"),
        ("2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4"),
        ("2003::", ""),
        ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
        ("3fff::", "documentation"),
        ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
        ("3fff:1000::", ""),
        ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
        ("4000::", "not global"),
        ("5eff:ffff::", "not global"),
        ("5f00::", "segment"),
        ("5f00:ffff::", "segment"),
        ("5f01::", "not global"),
        ("fbff:ffff::", "not global"),
        ("fc00::", "unique local"),
        ("fd00:ec2::254", "unique local"),
        ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local"),
        ("fe00::", "not global"),
        ("fe7f:ffff::", "not global"),
        ("fe80::1", "link-local"),
        ("febf:ffff::", "link-local"),
        ("fec0::", "site-local"),
        ("feff:ffff::", "site-local"),
        ("ff00::", "multicast"),
        ("ff02::1", "multicast"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
    ]);
}

/// What the standard library knows of an address, as a second opinion.
fn std_says_special(address: Ipv4Addr) -> bool {
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || address.is_unspecified()
}

proptest! {
    #[test]
    fn what_the_standard_library_calls_special_is_forbidden(bits in any::<u32>()) {
        let address = Ipv4Addr::from_bits(bits);
        let reason = forbidden(IpAddr::V4(address));
        prop_assert!(!std_says_special(address) || reason.is_some());
        // The mapped form is judged alike; the forms that a translator would unpack are always refused.
        prop_assert_eq!(forbidden(IpAddr::V6(address.to_ipv6_mapped())), reason);
        for prefix in [0_u128, 0x0064_ff9b << 96, 0x2002 << 112 | u128::from(bits) << 80] {
            let packed = Ipv6Addr::from_bits(prefix | u128::from(bits));
            prop_assert!(forbidden(IpAddr::V6(packed)).is_some());
        }
    }

    #[test]
    fn nothing_outside_of_global_unicast_is_allowed(bits in any::<u128>()) {
        let address = Ipv6Addr::from_bits(bits);
        if forbidden(IpAddr::V6(address)).is_none() {
            let global = address.segments().first().is_some_and(|group| group >> 13 == 1);
            prop_assert!(global || address.to_ipv4_mapped().is_some());
        }
    }
}
