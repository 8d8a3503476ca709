//! Failed credentials per address: a bucket that fills with failures and empties with time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;

/// Addresses that are remembered at the same time; when there are more, those that have calmed down go first.
const ADDRESSES_MAX: usize = 65_536;

/// Counts failures. It is asked only after a failure, so that a right token never waits for it and no cash box can be locked
/// out by somebody who does not know its token.
#[derive(Debug)]
pub(crate) struct Throttle {
    burst: u64,
    per_minute: u64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

/// Failures in nanoseconds of forgiving: each adds the time that it takes to be forgiven.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    debt_ns: u64,
    at: Duration,
}

impl Throttle {
    pub(crate) fn new(burst: u64, per_minute: u64) -> Self {
        Self { burst, per_minute: per_minute.max(1), buckets: Mutex::new(HashMap::new()) }
    }

    fn cost_ns(&self) -> u64 {
        60_000_000_000 / self.per_minute
    }

    /// Notes a failure at `now` (monotonic). Gives the seconds to wait when there were too many.
    pub(crate) fn failed(&self, address: IpAddr, now: Duration) -> Option<u64> {
        let cost = self.cost_ns();
        let room = cost.saturating_mul(self.burst);
        let mut buckets = self.buckets.lock();
        let key = network(address);
        if buckets.len() >= ADDRESSES_MAX && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| bucket.settled(now).debt_ns > 0);
            if buckets.len() >= ADDRESSES_MAX {
                // Everything that is remembered is active: an attack from very many addresses. Count it as too many.
                return Some(1);
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { debt_ns: 0, at: now });
        *bucket = bucket.settled(now);
        let debt = bucket.debt_ns.saturating_add(cost);
        if debt > room {
            return Some((debt - room).div_ceil(1_000_000_000).max(1));
        }
        bucket.debt_ns = debt;
        None
    }
}

impl Bucket {
    fn settled(self, now: Duration) -> Self {
        let passed = u64::try_from(now.saturating_sub(self.at).as_nanos()).unwrap_or(u64::MAX);
        Self { debt_ns: self.debt_ns.saturating_sub(passed), at: now }
    }
}

/// The address that is counted: one for IPv4, the /64 for IPv6, where a single user has a whole one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_time_forgives() {
        let throttle = Throttle::new(3, 60);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let at = |s: u64| Duration::from_secs(s);
        for _ in 0..3 {
            assert_eq!(throttle.failed(address, at(10)), None);
        }
        assert_eq!(throttle.failed(address, at(10)), Some(1));
        assert_eq!(throttle.failed("192.0.2.2".parse().unwrap(), at(10)), None);
        // A refused attempt costs nothing more, so one is free again after one second.
        assert_eq!(throttle.failed(address, at(11)), None);
        assert_eq!(throttle.failed(address, at(11)), Some(1));
        for _ in 0..3 {
            assert_eq!(throttle.failed(address, at(100)), None);
        }
    }

    #[test]
    fn a_whole_ipv6_network_is_one_address() {
        let throttle = Throttle::new(1, 1);
        let now = Duration::ZERO;
        assert_eq!(throttle.failed("2001:db8::1".parse().unwrap(), now), None);
        assert_eq!(throttle.failed("2001:db8::ffff:2".parse().unwrap(), now), Some(60));
        assert_eq!(throttle.failed("2001:db8:0:1::1".parse().unwrap(), now), None);
        assert_eq!(throttle.failed("::ffff:192.0.2.1".parse().unwrap(), now), None);
        assert_eq!(throttle.failed("192.0.2.1".parse().unwrap(), now), Some(60));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(1, 60);
        for number in 0..=u32::try_from(ADDRESSES_MAX).unwrap() {
            throttle.failed(IpAddr::V4(number.into()), Duration::ZERO);
        }
        assert_eq!(throttle.buckets.lock().len(), ADDRESSES_MAX);
        assert_eq!(throttle.failed("255.0.0.1".parse().unwrap(), Duration::from_secs(60)), None);
        assert_eq!(throttle.buckets.lock().len(), 1);
    }
}
