//! What an operator lets the client do: addresses, schemes, ports and limits.

use std::net::IpAddr;

use crate::guard::{Refusal, forbidden};
use crate::network::Network;
use crate::target::{Host, Scheme, Target, TargetError};

/// Smallest [`Limits::header_bytes_max`] in bytes: the HTTP library holds no less.
pub const HEADER_BYTES_MIN: usize = 8_192;

/// Which ports may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// Every port but 0.
    Any,
    /// These.
    Only(Vec<u16>),
}

/// How long and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest wait for an address and a connection together, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Longest call from the look-up of the name to the end of the answer, in milliseconds.
    pub call_timeout_ms: u64,
    /// Most bytes of an answer's body that are read. None are kept.
    pub body_bytes_max: usize,
    /// Most bytes of an answer's head, at least [`HEADER_BYTES_MIN`].
    pub header_bytes_max: usize,
    /// Most header lines of an answer.
    pub headers_max: usize,
}

impl Default for Limits {
    /// Contract 3.3: connection 2 s, call 5 s, 64 KiB of body; 16 KiB and 64 lines of head.
    fn default() -> Self {
        Self {
            connect_timeout_ms: 2_000,
            call_timeout_ms: 5_000,
            body_bytes_max: 65_536,
            header_bytes_max: 16_384,
            headers_max: 64,
        }
    }
}

/// The rules of a client. Comes from the configuration and never from a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Networks that may be called although the guard forbids them, such as the shop's own.
    pub allowed_networks: Vec<Network>,
    /// Whether loopback may be called: only in a sandbox whose server itself listens only on loopback.
    pub allow_loopback: bool,
    /// Whether plain HTTP is refused.
    pub https_only: bool,
    /// Which ports may be called.
    pub ports: Ports,
    /// How long and how much.
    pub limits: Limits,
}

impl Policy {
    /// Production: https on 443 and 8443, no address that the guard forbids (contract 3.3).
    #[must_use]
    pub fn production() -> Self {
        Self {
            allowed_networks: Vec::new(),
            allow_loopback: false,
            https_only: true,
            ports: Ports::Only(vec![443, 8443]),
            limits: Limits::default(),
        }
    }

    /// Sandbox: http too, every port; the guard holds, but for loopback if asked.
    #[must_use]
    pub fn sandbox(allow_loopback: bool) -> Self {
        Self { allow_loopback, https_only: false, ports: Ports::Any, ..Self::production() }
    }

    /// A command of the operator's own, who names the URL: every scheme, port and address. Never for a URL that somebody else chose.
    #[must_use]
    pub fn operator() -> Self {
        Self { allowed_networks: Network::everything(), ..Self::sandbox(true) }
    }

    /// Whether a connection to this address may be opened; gives the address to dial, an IPv4-mapped one as IPv4.
    ///
    /// # Errors
    /// [`Refusal`] with the reason of the guard.
    pub fn check_address(&self, address: IpAddr) -> Result<IpAddr, Refusal> {
        let address = address.to_canonical();
        let excepted = self.allow_loopback && address.is_loopback()
            || self.allowed_networks.iter().any(|network| network.contains(address));
        match forbidden(address) {
            Some(reason) if !excepted => Err(Refusal { address, reason }),
            _ => Ok(address),
        }
    }

    /// Checks the host of a target when it is a literal address. Nothing is said of a name, which has no address before it is
    /// looked up.
    ///
    /// # Errors
    /// [`Refusal`], as a call would end with.
    pub fn check_literal(&self, target: &Target) -> Result<(), Refusal> {
        match target.host() {
            Host::Address(address) => self.check_address(*address).map(|_| ()),
            Host::Name(_) => Ok(()),
        }
    }

    /// Whether scheme and port may be used.
    ///
    /// # Errors
    /// [`TargetError::HttpsOnly`], [`TargetError::PortRefused`].
    pub(crate) fn check_scheme_and_port(&self, scheme: Scheme, port: u16) -> Result<(), TargetError> {
        if self.https_only && scheme != Scheme::Https {
            return Err(TargetError::HttpsOnly);
        }
        let open = match &self.ports {
            Ports::Any => port != 0,
            Ports::Only(ports) => ports.contains(&port),
        };
        if open { Ok(()) } else { Err(TargetError::PortRefused { port }) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn check(policy: &Policy, allowed: &[&str], refused: &[&str]) {
        for address in allowed {
            assert!(policy.check_address(address.parse().unwrap()).is_ok(), "{address} is allowed");
        }
        for address in refused {
            let address: IpAddr = address.parse().unwrap();
            let refusal = policy.check_address(address).unwrap_err();
            assert_eq!(refusal.address, address.to_canonical());
            assert_eq!(Some(refusal.reason), forbidden(address));
        }
    }

    #[test]
    fn without_exceptions_the_guard_decides() {
        check(
            &Policy::production(),
            &["8.8.8.8", "2003::1"],
            &["127.0.0.1", "::1", "10.0.0.1", "::ffff:10.0.0.1", "fd00::1"],
        );
        check(&Policy::sandbox(false), &["8.8.8.8"], &["127.0.0.1", "::1", "192.168.1.5"]);
    }

    #[test]
    fn loopback_in_a_sandbox_is_loopback_only() {
        check(
            &Policy::sandbox(true),
            &["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"],
            &["0.0.0.0", "::", "10.0.0.1", "169.254.169.254", "64:ff9b::7f00:1", "::7f00:1", "2002:7f00:1::"],
        );
    }

    #[test]
    fn an_operator_calls_what_they_name() {
        check(&Policy::operator(), &["127.0.0.1", "::1", "10.0.0.1", "169.254.1.1", "fd00::1", "8.8.8.8"], &[]);
        assert!(Policy::operator().check_scheme_and_port(Scheme::Http, 8080).is_ok());
    }

    #[test]
    fn the_allow_list_opens_what_it_names() {
        let allowed_networks = ["192.168.1.0/24", "10.1.2.3", "fd12::/16"].map(|text| text.parse().unwrap()).to_vec();
        check(
            &Policy { allowed_networks, ..Policy::production() },
            &["192.168.1.7", "10.1.2.3", "::ffff:192.168.1.7", "fd12::9", "8.8.8.8"],
            &["192.168.2.7", "10.1.2.4", "fd13::9", "127.0.0.1", "::192.168.1.7", "64:ff9b::c0a8:107"],
        );
    }

    #[test]
    fn a_mapped_address_is_dialled_as_ipv4() {
        let dialled = Policy::production().check_address("::ffff:8.8.8.8".parse().unwrap()).unwrap();
        assert_eq!(dialled, "8.8.8.8".parse::<IpAddr>().unwrap());
    }
}
