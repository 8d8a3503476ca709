//! Reading `Retry-After` (RFC 9110 §10.2.3).

use std::time::SystemTime;

use kassette_model::Moment;

/// Longest `Retry-After` value that is read, in bytes. The longest HTTP date has 33.
pub const RETRY_AFTER_TEXT_BYTES_MAX: usize = 64;

/// The wait that a `Retry-After` value asks for, in seconds from `now`: a number of seconds, or one of the three forms of
/// an HTTP date (a date that has passed asks for 0). `None` when it is neither. There is no upper bound here.
#[must_use]
pub fn parse_retry_after(value: &str, now: Moment) -> Option<u64> {
    let value = value.trim_matches([' ', '\t']);
    if value.is_empty() || value.len() > RETRY_AFTER_TEXT_BYTES_MAX {
        return None;
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit still mean: very long.
        return Some(value.parse().unwrap_or(u64::MAX));
    }
    let date = Moment::try_from(SystemTime::from(value.parse::<httpdate::HttpDate>().ok()?)).ok()?;
    // A part of a second counts as one, so that nothing comes before the date.
    let wait_ns = date.as_nanosecond().checked_sub(now.as_nanosecond())?.max(0);
    u64::try_from(wait_ns).ok().map(|ns| ns.div_ceil(1_000_000_000))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn check(value: &str, expected: Option<u64>) {
        let now: Moment = "2026-03-04T10:15:30.500Z".parse().unwrap();
        assert_eq!(parse_retry_after(value, now), expected, "{value:?}");
    }

    #[test]
    fn seconds() {
        check("0", Some(0));
        check("120", Some(120));
        check(" 120\t", Some(120));
        check("000120", Some(120));
        check("18446744073709551615", Some(u64::MAX));
        check("18446744073709551616", Some(u64::MAX));
        for wrong in ["", " ", "-1", "+1", "1.5", "1s", "1 2", "0x10", "١٢", "soon", &"1".repeat(65)] {
            check(wrong, None);
        }
    }

    #[test]
    fn dates_in_their_three_forms() {
        check("Wed, 04 Mar 2026 10:16:30 GMT", Some(60));
        check("Wednesday, 04-Mar-26 10:16:30 GMT", Some(60));
        check("Wed Mar  4 10:16:30 2026", Some(60));
        check("Wed, 04 Mar 2026 10:15:31 GMT", Some(1));
        check("Wed, 04 Mar 2026 10:15:30 GMT", Some(0));
        check("Wed, 21 Oct 2015 07:28:00 GMT", Some(0));
        check("Fri, 31 Dec 9999 23:59:59 GMT", None);
        check("Thu, 31 Dec 2199 23:59:59 GMT", None);
        check("Wed, 99 Mar 2026 10:16:30 GMT", None);
        check("2026-03-04T10:16:30Z", None);
    }

    proptest! {
        #[test]
        fn no_text_panics(value in "[ 0-9]{0,80}|.{0,80}", second in -10_000_000_000_i64..10_000_000_000) {
            let now = Moment::from_second(second).unwrap();
            let seconds = parse_retry_after(&value, now);
            let read = value.trim_matches([' ', '\t']);
            prop_assert!(seconds.is_none() || read.len() <= RETRY_AFTER_TEXT_BYTES_MAX);
        }

        #[test]
        fn a_written_date_reads_back(second in 0_i64..200_000_000_000, ahead in 0_u32..10_000_000) {
            let now = Moment::from_second(second).unwrap();
            let since_epoch = Duration::from_secs(u64::try_from(second).unwrap() + u64::from(ahead));
            let date = SystemTime::UNIX_EPOCH + since_epoch;
            prop_assert_eq!(parse_retry_after(&httpdate::fmt_http_date(date), now), Some(u64::from(ahead)));
        }
    }
}
