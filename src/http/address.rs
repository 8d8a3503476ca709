//! Whose request it is, for counting failed credentials only.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;

/// The address of the client: the peer, or what a trusted proxy says. Never used to let anybody in.
pub(crate) fn client(request: &HttpRequest, trusted: &[IpAddr]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    behind(peer, trusted, forwarded)
}

/// The last address of the list that is not a trusted proxy: every proxy appends whom it saw, and only what trusted ones wrote
/// counts.
fn behind<'v>(peer: IpAddr, trusted: &[IpAddr], forwarded: impl Iterator<Item = &'v str>) -> IpAddr {
    if trusted.is_empty() || !trusted.contains(&peer.to_canonical()) {
        return peer;
    }
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut nearest = peer;
    for hop in hops.iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else { return nearest };
        nearest = address;
        if !trusted.contains(&address.to_canonical()) {
            return nearest;
        }
    }
    nearest
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        let trusted: [IpAddr; 2] = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        for (peer, header, expected) in [
            ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
            ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ] {
            let found = behind(peer.parse().unwrap(), &trusted, std::iter::once(header));
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {header}");
        }
    }
}
