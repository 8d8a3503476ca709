//! Wall clock and monotonic clock behind one trait, so that tests never sleep.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where time comes from. The wall clock may jump; the monotonic clock never goes back.
pub trait Clock: Send + Sync + 'static {
    /// Nanoseconds since the Unix epoch, UTC. May jump in either direction.
    fn unix_ns(&self) -> i64;
    /// Time since some fixed, unknown start; for deadlines and lifetimes.
    fn monotonic(&self) -> Duration;
}

/// The clocks of the operating system.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn unix_ns(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
        }
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that only moves when a test moves it.
#[derive(Debug)]
pub struct FakeClock {
    unix_ns: AtomicI64,
    monotonic_ns: AtomicU64,
}

impl FakeClock {
    /// A clock that stands at `unix_ns` nanoseconds since the Unix epoch.
    #[must_use]
    pub fn at(unix_ns: i64) -> Self {
        Self { unix_ns: AtomicI64::new(unix_ns), monotonic_ns: AtomicU64::new(0) }
    }

    /// Lets `by` pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.unix_ns.fetch_add(i64::try_from(ns).unwrap_or(i64::MAX), Ordering::SeqCst);
        self.monotonic_ns.fetch_add(ns, Ordering::SeqCst);
    }

    /// Moves only the wall clock, as an operator or a time server would.
    pub fn set_unix_ns(&self, unix_ns: i64) {
        self.unix_ns.store(unix_ns, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn unix_ns(&self) -> i64 {
        self.unix_ns.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.monotonic_ns.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_jump_leaves_the_monotonic_clock_alone() {
        let clock = FakeClock::at(1_000);
        clock.advance(Duration::from_nanos(5));
        clock.set_unix_ns(0);
        assert_eq!(clock.unix_ns(), 0);
        assert_eq!(clock.monotonic(), Duration::from_nanos(5));
    }

    #[test]
    fn the_system_clock_is_after_2025_and_moves_forward() {
        let clock = SystemClock::default();
        let first = clock.monotonic();
        assert!(clock.unix_ns() > 1_735_689_600_000_000_000);
        assert!(clock.monotonic() >= first);
    }
}
