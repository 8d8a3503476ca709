//! How many restarts within how long are still a repair, and how long to wait between two.

use std::collections::VecDeque;
use std::time::Duration;

/// The most restarts within a window; one more and it is no longer a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intensity {
    /// The most restarts within `window`.
    pub restarts_max: u32,
    /// The sliding window; a restart exactly this old still counts.
    pub window: Duration,
}

/// What [`RestartWindow::record`] says of one more failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Within the intensity: start it again.
    Restart,
    /// Too many within the window: do not.
    Exceeded,
}

/// Counts failures in a sliding window; remembers at most `restarts_max` of them.
#[derive(Debug, Clone)]
pub struct RestartWindow {
    intensity: Intensity,
    recorded: VecDeque<Duration>,
}

impl RestartWindow {
    /// An empty window.
    #[must_use]
    pub fn new(intensity: Intensity) -> Self {
        Self { intensity, recorded: VecDeque::new() }
    }

    /// Records a failure at `now` (monotonic, see [`kassette_stdx::Clock::monotonic`]). A refused failure counts
    /// too, so a child that is tried anyway and fails again stays refused until the window has emptied.
    pub fn record(&mut self, now: Duration) -> Verdict {
        let window = self.intensity.window;
        self.recorded.retain(|at| now.saturating_sub(*at) <= window);
        let restarts_max = usize::try_from(self.intensity.restarts_max).unwrap_or(usize::MAX);
        let verdict = if self.recorded.len() >= restarts_max { Verdict::Exceeded } else { Verdict::Restart };
        self.recorded.push_back(now);
        if self.recorded.len() > restarts_max {
            self.recorded.pop_front();
        }
        verdict
    }

    /// Forgets every failure, after an operator has said "resume".
    pub fn clear(&mut self) {
        self.recorded.clear();
    }
}

/// The pause before a restart: `first`, then times `factor` for each failure in a row, at most `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause before the first restart; zero restarts at once.
    pub first: Duration,
    /// Multiplies the pause for each further failure in a row.
    pub factor: u32,
    /// The longest pause.
    pub max: Duration,
    /// Up to this share of the pause, 0 to 100, is taken off by chance, so that children that failed together
    /// do not come back together.
    pub jitter_percent: u8,
}

impl Backoff {
    /// No pause at all.
    pub const NONE: Self = Self { first: Duration::ZERO, factor: 1, max: Duration::ZERO, jitter_percent: 0 };

    /// The pause after `failures_before` failures in a row before this one, with `dice` as the chance.
    #[must_use]
    pub fn pause(&self, failures_before: u32, dice: u64) -> Duration {
        let factor = self.factor.saturating_pow(failures_before);
        let full = self.first.saturating_mul(factor).min(self.max);
        let full_ns = u64::try_from(full.as_nanos()).unwrap_or(u64::MAX);
        let percent = u128::from(self.jitter_percent.min(100));
        let span_ns = u64::try_from(u128::from(full_ns) * percent / 100).unwrap_or(u64::MAX);
        // `span_ns + 1` choices; the largest span of all needs no remainder.
        let off_ns = span_ns.checked_add(1).map_or(dice, |choices| dice % choices);
        Duration::from_nanos(full_ns - off_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn three_in_ten_seconds_are_repairs_and_the_fourth_is_not() {
        let mut window = RestartWindow::new(Intensity { restarts_max: 3, window: seconds(10) });
        let said: Vec<_> = [0, 4, 10, 10].iter().map(|s| window.record(seconds(*s))).collect();
        assert_eq!(said, [Verdict::Restart, Verdict::Restart, Verdict::Restart, Verdict::Exceeded]);
    }

    #[test]
    fn a_failure_that_left_the_window_no_longer_counts() {
        let mut window = RestartWindow::new(Intensity { restarts_max: 3, window: seconds(10) });
        for s in [0, 4, 8, 11, 15, 19, 22] {
            assert_eq!(window.record(seconds(s)), Verdict::Restart, "at {s} s");
        }
        assert_eq!(window.record(seconds(22)), Verdict::Exceeded);
        window.clear();
        assert_eq!(window.record(seconds(22)), Verdict::Restart);
    }

    #[test]
    fn no_restart_at_all_is_an_intensity_too() {
        let mut window = RestartWindow::new(Intensity { restarts_max: 0, window: seconds(1) });
        assert_eq!(window.record(seconds(5)), Verdict::Exceeded);
        assert_eq!(window.record(seconds(500)), Verdict::Exceeded);
    }

    #[test]
    fn the_pause_doubles_up_to_its_maximum() {
        let millis = Duration::from_millis;
        let backoff = Backoff { first: millis(10), factor: 2, max: millis(60), jitter_percent: 0 };
        let pauses: Vec<_> = (0..5).map(|n| backoff.pause(n, 7)).collect();
        assert_eq!(pauses, [millis(10), millis(20), millis(40), millis(60), millis(60)]);
        assert_eq!(Backoff::NONE.pause(u32::MAX, u64::MAX), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn a_window_agrees_with_counting_by_hand(
            restarts_max in 0_u32..6,
            window_ms in 0_u64..50,
            gaps in prop::collection::vec(0_u64..30, 0..40),
        ) {
            let intensity = Intensity { restarts_max, window: Duration::from_millis(window_ms) };
            let mut window = RestartWindow::new(intensity);
            let (mut now_ms, mut all) = (0_u64, Vec::new());
            for gap in gaps {
                now_ms += gap;
                let earlier = all.iter().filter(|at| now_ms - **at <= window_ms).count();
                let expected =
                    if earlier >= restarts_max as usize { Verdict::Exceeded } else { Verdict::Restart };
                prop_assert_eq!(window.record(Duration::from_millis(now_ms)), expected);
                all.push(now_ms);
            }
        }

        #[test]
        fn jitter_only_shortens_and_only_by_its_share(
            first_ms in 0_u64..10_000, factor in 0_u32..5, failures in 0_u32..80, percent in any::<u8>(), dice in any::<u64>(),
        ) {
            let plain =
                Backoff { first: Duration::from_millis(first_ms), factor, max: seconds(30), jitter_percent: 0 };
            let jittered = Backoff { jitter_percent: percent, ..plain };
            let (full, pause) = (plain.pause(failures, dice), jittered.pause(failures, dice));
            prop_assert!(pause <= full);
            let least = full.saturating_mul(100 - u32::from(percent.min(100))) / 100;
            prop_assert!(pause >= least, "{pause:?} is less than {least:?}");
        }
    }
}
