//! When a message is tried again, and when no more.

use crate::outcome::Outcome;

/// A second in milliseconds.
const SECOND_MS: u64 = 1_000;
/// A minute in milliseconds.
const MINUTE_MS: u64 = 60 * SECOND_MS;
/// An hour in milliseconds.
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// The whole, of which [`RetryOptions::jitter_permille`] is a part.
const PERMILLE: u64 = 1_000;

/// The limits of the retry plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryOptions {
    /// Waits after the first, second, third … failed attempt, in milliseconds, before jitter.
    pub first_delays_ms: Vec<u64>,
    /// The wait after every later attempt, in milliseconds, before jitter.
    pub steady_delay_ms: u64,
    /// How far jitter moves a wait to either side, in thousandths of it; above 1000 counts as 1000. Without jitter all
    /// messages that failed in one outage come back in one moment.
    pub jitter_permille: u64,
    /// Longest wait that a receiver's `Retry-After` can ask for, in milliseconds.
    pub retry_after_max_ms: u64,
    /// Age of a message, in milliseconds, after which it is a dead letter; no attempt is planned beyond it.
    pub give_up_after_ms: u64,
}

impl Default for RetryOptions {
    /// 5 s, 30 s, 2 min, 15 min, 1 h, 4 h, then every 8 h, each within a fifth to either side, for three days; a receiver
    /// can ask for up to a day.
    fn default() -> Self {
        Self {
            first_delays_ms: vec![5 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS],
            steady_delay_ms: 8 * HOUR_MS,
            jitter_permille: 200,
            retry_after_max_ms: 24 * HOUR_MS,
            give_up_after_ms: 72 * HOUR_MS,
        }
    }
}

impl RetryOptions {
    /// The wait after attempt `attempt` (from 1) before jitter, in milliseconds.
    fn delay_ms(&self, attempt: u32) -> u64 {
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        self.first_delays_ms.get(index).copied().unwrap_or(self.steady_delay_ms)
    }

    /// The shortest and the longest wait after attempt `attempt` (from 1) without `Retry-After`, in milliseconds.
    #[must_use]
    pub fn band_ms(&self, attempt: u32) -> (u64, u64) {
        let delay_ms = self.delay_ms(attempt);
        // In 128 bits, so that no delay overflows.
        let wide = u128::from(delay_ms) * u128::from(self.jitter_permille.min(PERMILLE)) / u128::from(PERMILLE);
        let reach_ms = u64::try_from(wide).unwrap_or(delay_ms);
        (delay_ms.saturating_sub(reach_ms), delay_ms.saturating_add(reach_ms))
    }
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try again after so many milliseconds.
    After(u64),
    /// Never try again by itself.
    Stop(StopReason),
}

/// Why a message is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The receiver has it.
    Acknowledged,
    /// The receiver answered 410.
    Gone,
    /// It got too old: a dead letter, which an operator can send again.
    DeadLetter,
}

impl StopReason {
    /// The name in the attempt log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Gone => "gone",
            Self::DeadLetter => "dead_letter",
        }
    }
}

/// What follows attempt `attempt` (from 1) that ended with `outcome`.
///
/// `retry_after_s` is what the answer asked for (see [`parse_retry_after`](crate::parse_retry_after)), `age_ms` how long ago
/// the message was made, `random` eight random bytes for the jitter. `Retry-After` is a lower bound, cut at
/// [`RetryOptions::retry_after_max_ms`].
#[must_use]
pub fn plan(
    options: &RetryOptions,
    attempt: u32,
    outcome: Outcome,
    retry_after_s: Option<u64>,
    age_ms: u64,
    random: [u8; 8],
) -> Next {
    match outcome {
        Outcome::Acknowledged { .. } => return Next::Stop(StopReason::Acknowledged),
        Outcome::Gone => return Next::Stop(StopReason::Gone),
        Outcome::Rejected { .. } | Outcome::Failed(_) => {}
    }
    let (low_ms, high_ms) = options.band_ms(attempt);
    let steps = u128::from(high_ms.saturating_sub(low_ms)) + 1;
    // The high half of the product spreads 64 random bits over the band without a remainder's bias.
    let jitter_ms = u64::try_from((u128::from(u64::from_le_bytes(random)) * steps) >> 64).unwrap_or(0);
    let asked_ms = retry_after_s.unwrap_or(0).saturating_mul(SECOND_MS).min(options.retry_after_max_ms);
    let delay_ms = low_ms.saturating_add(jitter_ms).max(asked_ms);
    if age_ms.saturating_add(delay_ms) > options.give_up_after_ms {
        return Next::Stop(StopReason::DeadLetter);
    }
    Next::After(delay_ms)
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
