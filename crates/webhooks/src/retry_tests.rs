//! Tests of the retry plan.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use kassette_stdx::SeededEntropy;
use proptest::prelude::*;

use super::*;
use crate::outcome::FailureKind;

const REJECTED: Outcome = Outcome::Rejected { status: 503 };
const LOWEST: [u8; 8] = [0; 8];
const HIGHEST: [u8; 8] = [0xff; 8];

fn check(attempt: u32, retry_after_s: Option<u64>, age_ms: u64, random: [u8; 8], expected: Next) {
    let found = plan(&RetryOptions::default(), attempt, REJECTED, retry_after_s, age_ms, random);
    assert_eq!(found, expected, "attempt {attempt}, Retry-After {retry_after_s:?}, age {age_ms} ms");
}

#[test]
fn each_wait_has_its_band() {
    for (attempt, low_ms, high_ms) in [
        (0, 4_000, 6_000),
        (1, 4_000, 6_000),
        (2, 24_000, 36_000),
        (3, 96_000, 144_000),
        (4, 720_000, 1_080_000),
        (5, 2_880_000, 4_320_000),
        (6, 11_520_000, 17_280_000),
        (7, 23_040_000, 34_560_000),
        (8, 23_040_000, 34_560_000),
        (u32::MAX, 23_040_000, 34_560_000),
    ] {
        check(attempt, None, 0, LOWEST, Next::After(low_ms));
        check(attempt, None, 0, HIGHEST, Next::After(high_ms));
    }
}

#[test]
fn retry_after_lengthens_and_never_shortens() {
    check(1, Some(0), 0, LOWEST, Next::After(4_000));
    check(1, Some(3), 0, LOWEST, Next::After(4_000));
    check(1, Some(60), 0, LOWEST, Next::After(60_000));
    check(1, Some(60), 0, HIGHEST, Next::After(60_000));
    check(7, Some(60), 0, LOWEST, Next::After(23_040_000));
    // A day at most, whatever is asked.
    check(1, Some(u64::MAX), 0, LOWEST, Next::After(24 * HOUR_MS));
    check(1, Some(u64::MAX), 48 * HOUR_MS, LOWEST, Next::After(24 * HOUR_MS));
}

#[test]
fn a_message_is_a_dead_letter_after_three_days() {
    let dead = Next::Stop(StopReason::DeadLetter);
    check(8, None, 72 * HOUR_MS - 23_040_000, LOWEST, Next::After(23_040_000));
    check(8, None, 72 * HOUR_MS - 23_040_000 + 1, LOWEST, dead);
    check(8, None, 72 * HOUR_MS, LOWEST, dead);
    check(1, None, u64::MAX, HIGHEST, dead);
    check(1, Some(u64::MAX), 48 * HOUR_MS + 1, LOWEST, dead);
}

#[test]
fn an_acknowledgement_and_gone_stop_at_once() {
    let options = RetryOptions::default();
    for (outcome, reason) in [
        (Outcome::of_status(200), StopReason::Acknowledged),
        (Outcome::of_status(204), StopReason::Acknowledged),
        (Outcome::of_status(410), StopReason::Gone),
    ] {
        assert_eq!(plan(&options, 1, outcome, Some(60), 0, LOWEST), Next::Stop(reason));
    }
    for kind in ["resolve", "address_refused", "connect", "tls", "timeout", "protocol"] {
        let outcome = Outcome::Failed(FailureKind::parse(kind).unwrap());
        assert_eq!(plan(&options, 1, outcome, None, 0, LOWEST), Next::After(4_000), "{kind}");
    }
    for status in [100, 301, 308, 400, 401, 404, 409, 429, 500, 503] {
        assert_eq!(plan(&options, 1, Outcome::of_status(status), None, 0, LOWEST), Next::After(4_000), "{status}");
    }
}

/// Plays a message that always fails, each attempt taking `call_ms`; gives the age at each attempt.
fn ages_ms(options: &RetryOptions, seed: u64, call_ms: u64, retry_after_s: Option<u64>) -> Vec<u64> {
    let random = SeededEntropy::new(seed);
    let mut ages = vec![0];
    let mut age_ms = call_ms;
    for attempt in 1.. {
        match plan(options, attempt, REJECTED, retry_after_s, age_ms, random.next_u64().to_le_bytes()) {
            Next::After(delay_ms) => {
                age_ms += delay_ms;
                ages.push(age_ms);
                age_ms += call_ms;
            }
            Next::Stop(reason) => {
                assert_eq!(reason, StopReason::DeadLetter);
                break;
            }
        }
    }
    ages
}

#[test]
fn a_message_that_always_fails_is_tried_for_most_of_three_days() {
    let seed = 42;
    let ages = ages_ms(&RetryOptions::default(), seed, 5_000, None);
    assert!((12..=18).contains(&ages.len()), "seed {seed}: {} attempts", ages.len());
    let last_ms = ages.last().copied().unwrap();
    assert!((60 * HOUR_MS..=72 * HOUR_MS).contains(&last_ms), "seed {seed}: last attempt at {last_ms} ms");
}

proptest! {
    #[test]
    fn a_wait_stays_in_its_band_or_is_what_was_asked(
        attempt in 1_u32..40,
        retry_after_s in proptest::option::of(any::<u64>()),
        age_ms in 0_u64..80 * HOUR_MS,
        random in any::<[u8; 8]>(),
    ) {
        let options = RetryOptions::default();
        let (low_ms, high_ms) = options.band_ms(attempt);
        let asked_ms = retry_after_s.unwrap_or(0).saturating_mul(1_000).min(options.retry_after_max_ms);
        match plan(&options, attempt, REJECTED, retry_after_s, age_ms, random) {
            Next::After(delay_ms) => {
                prop_assert!(delay_ms >= asked_ms);
                prop_assert!(delay_ms >= low_ms);
                prop_assert!(delay_ms <= high_ms || delay_ms == asked_ms);
                prop_assert!(age_ms + delay_ms <= options.give_up_after_ms);
            }
            Next::Stop(reason) => {
                prop_assert_eq!(reason, StopReason::DeadLetter);
                prop_assert!(age_ms + high_ms.max(asked_ms) > options.give_up_after_ms);
            }
        }
    }

    #[test]
    fn every_message_ends_within_three_days(
        seed in any::<u64>(),
        call_ms in 0_u64..5_000,
        retry_after_s in proptest::option::of(any::<u64>()),
    ) {
        let options = RetryOptions::default();
        let ages = ages_ms(&options, seed, call_ms, retry_after_s);
        prop_assert!(ages.len() <= 20);
        prop_assert!(ages.iter().all(|age_ms| *age_ms <= options.give_up_after_ms));
    }

    #[test]
    fn strange_options_do_not_panic(
        first_delays_ms in proptest::collection::vec(any::<u64>(), 0..4),
        steady_delay_ms in any::<u64>(),
        jitter_permille in any::<u64>(),
        retry_after_max_ms in any::<u64>(),
        give_up_after_ms in any::<u64>(),
        attempt in any::<u32>(),
        age_ms in any::<u64>(),
        random in any::<[u8; 8]>(),
    ) {
        let options =
            RetryOptions { first_delays_ms, steady_delay_ms, jitter_permille, retry_after_max_ms, give_up_after_ms };
        let next = plan(&options, attempt, REJECTED, Some(age_ms), age_ms, random);
        if let Next::After(delay_ms) = next {
            prop_assert!(age_ms.checked_add(delay_ms).is_some_and(|sum| sum <= give_up_after_ms) || give_up_after_ms == u64::MAX);
        }
    }
}
