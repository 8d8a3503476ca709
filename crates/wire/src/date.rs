//! Points in time: every form that clients send, the one form that is written, and .NET ticks (contract 4.0, 7.1).

use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use kassette_model::Moment;

/// Ticks (100 ns) from 0001-01-01 to the Unix epoch.
pub const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;

/// The last tick of the year 9999.
pub const TICKS_MAX: i64 = 3_155_378_975_999_999_999;

/// Nanoseconds of one tick.
const TICK_NS: i128 = 100;

/// .NET ticks of a moment: 100 ns since 0001-01-01 UTC. What lies before year 1 counts as its start.
#[must_use]
pub fn ticks(moment: Moment) -> i64 {
    let since_epoch = i64::try_from(moment.as_nanosecond().div_euclid(TICK_NS)).unwrap_or(i64::MAX);
    since_epoch.saturating_add(TICKS_AT_UNIX_EPOCH).max(0)
}

/// The moment of .NET ticks; `None` when it lies outside the years 1 to 9999. The last 26 hours of 9999, which a
/// [`Moment`] cannot hold, count as its end.
#[must_use]
pub fn from_ticks(ticks: i64) -> Option<Moment> {
    if !(0..=TICKS_MAX).contains(&ticks) {
        return None;
    }
    let since_epoch = ticks.checked_sub(TICKS_AT_UNIX_EPOCH)?;
    Some(Moment::from_nanosecond(i128::from(since_epoch).checked_mul(TICK_NS)?).unwrap_or(Moment::MAX))
}

/// Drops what is finer than one tick, because the wire has no more than seven digits of fraction.
#[must_use]
pub fn to_tick(moment: Moment) -> Moment {
    let ns = moment.as_nanosecond();
    Moment::from_nanosecond(ns - ns.rem_euclid(TICK_NS)).unwrap_or(moment)
}

/// Appends `yyyy-MM-ddTHH:mm:ss[.f{1,7}]Z`; a fraction is cut, not rounded, and has no trailing zeros.
pub fn write(out: &mut Vec<u8>, moment: Moment) {
    let at = Offset::UTC.to_datetime(moment);
    let year = u32::try_from(at.year()).unwrap_or(0);
    number(out, year, 4);
    for (separator, value) in
        [(b'-', at.month()), (b'-', at.day()), (b'T', at.hour()), (b':', at.minute()), (b':', at.second())]
    {
        out.push(separator);
        number(out, u32::try_from(value).unwrap_or(0), 2);
    }
    let mut fraction = u32::try_from(at.subsec_nanosecond()).unwrap_or(0) / 100;
    if fraction > 0 {
        let mut digits = 7;
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            digits -= 1;
        }
        out.push(b'.');
        number(out, fraction, digits);
    }
    out.push(b'Z');
}

/// The written form as a string.
#[must_use]
pub fn format(moment: Moment) -> String {
    let mut out = Vec::with_capacity(28);
    write(&mut out, moment);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends `value` with at least `width` digits (at most nine).
fn number(out: &mut Vec<u8>, value: u32, width: usize) {
    let mut digits = [b'0'; 9];
    let mut rest = value;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    out.extend_from_slice(digits.get(digits.len() - width.min(9)..).unwrap_or_default());
}

/// Reads a moment: ISO 8601 with `T` or a blank, seconds and fraction optional (digits beyond the seventh are
/// dropped), `Z`, an offset or nothing (then UTC); a date alone is its midnight; or `/Date(ms)/`.
#[must_use]
pub fn parse(text: &str) -> Option<Moment> {
    let text = text.trim();
    if let Some(inside) = text.strip_prefix("/Date(") {
        return parse_milliseconds(inside.strip_suffix(")/")?);
    }
    let mut scan = Scan { rest: text.as_bytes() };
    let year = i16::try_from(scan.digits(4)?).ok()?;
    scan.expect(b'-')?;
    let month = scan.small()?;
    scan.expect(b'-')?;
    let day = scan.small()?;
    let (mut hour, mut minute, mut second, mut fraction_ns) = (0, 0, 0, 0);
    let mut offset_seconds = 0;
    if !scan.rest.is_empty() {
        if !(scan.accept(b'T') || scan.accept(b't') || scan.accept(b' ')) {
            return None;
        }
        hour = scan.small()?;
        scan.expect(b':')?;
        minute = scan.small()?;
        if scan.accept(b':') {
            second = scan.small()?;
            if scan.accept(b'.') || scan.accept(b',') {
                fraction_ns = scan.fraction_ns()?;
            }
        }
        offset_seconds = scan.offset_seconds()?;
    }
    if year < 1 {
        return None;
    }
    let local = civil::DateTime::new(year, month, day, hour, minute, second, fraction_ns).ok()?;
    let offset = Offset::from_seconds(offset_seconds).ok()?;
    match TimeZone::fixed(offset).to_timestamp(local) {
        Ok(moment) => Some(moment),
        // Clients send the end of 9999 for "no end"; a `Moment` ends 26 hours before it.
        Err(_) => (year == 9999).then_some(Moment::MAX),
    }
}

/// The inside of `/Date(…)/`: milliseconds since 1970 UTC; an offset behind them only says where the sender was.
fn parse_milliseconds(inside: &str) -> Option<Moment> {
    let body = inside.strip_prefix('-').unwrap_or(inside);
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let sign_length = inside.len() - body.len();
    let (milliseconds, zone) = inside.split_at_checked(sign_length + digits)?;
    let zone_is_fine = match zone.as_bytes() {
        [] => true,
        [b'+' | b'-', offset @ ..] => offset.len() == 4 && offset.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if digits == 0 || !zone_is_fine {
        return None;
    }
    Moment::from_millisecond(milliseconds.parse().ok()?).ok()
}

/// What of a date is still to be read.
struct Scan<'a> {
    rest: &'a [u8],
}

impl Scan<'_> {
    fn accept(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.accept(byte).then_some(())
    }

    fn digit(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        if !first.is_ascii_digit() {
            return None;
        }
        self.rest = rest;
        Some(first - b'0')
    }

    fn digits(&mut self, count: usize) -> Option<i32> {
        let mut value = 0;
        for _ in 0..count {
            value = value * 10 + i32::from(self.digit()?);
        }
        Some(value)
    }

    fn small(&mut self) -> Option<i8> {
        i8::try_from(self.digits(2)?).ok()
    }

    /// At least one digit; what is finer than a tick is read and dropped.
    fn fraction_ns(&mut self) -> Option<i32> {
        let mut value = i32::from(self.digit()?);
        let mut count = 1;
        while let Some(digit) = self.digit() {
            if count < 7 {
                value = value * 10 + i32::from(digit);
                count += 1;
            }
        }
        while count < 9 {
            value *= 10;
            count += 1;
        }
        Some(value)
    }

    /// `Z`, `±hh`, `±hhmm`, `±hh:mm` or nothing, up to the end.
    fn offset_seconds(&mut self) -> Option<i32> {
        if self.rest.is_empty() {
            return Some(0);
        }
        let sign = if self.accept(b'Z') || self.accept(b'z') {
            0
        } else if self.accept(b'+') {
            1
        } else if self.accept(b'-') {
            -1
        } else {
            return None;
        };
        let mut seconds = 0;
        if sign != 0 {
            let hours = self.digits(2)?;
            let minutes = if self.accept(b':') || !self.rest.is_empty() { self.digits(2)? } else { 0 };
            // .NET allows offsets of up to fourteen hours; what is beyond is a typing error.
            if hours > 14 || minutes > 59 {
                return None;
            }
            seconds = sign * (hours * 3600 + minutes * 60);
        }
        self.rest.is_empty().then_some(seconds)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let moment = parse(text).unwrap_or_else(|| panic!("{text} is a moment"));
        assert_eq!(format(moment), expected, "{text}");
    }

    #[test]
    fn every_form_of_the_contract_reads() {
        check("2026-03-04T10:15:34Z", "2026-03-04T10:15:34Z");
        check("2026-03-04T10:15:34", "2026-03-04T10:15:34Z");
        check("2026-03-04 10:15:34", "2026-03-04T10:15:34Z");
        check("2026-03-04T10:15", "2026-03-04T10:15:00Z");
        check("2026-03-04", "2026-03-04T00:00:00Z");
        check("2026-03-04T10:15:34.8123456Z", "2026-03-04T10:15:34.8123456Z");
        check("2026-03-04T10:15:34.812345678901Z", "2026-03-04T10:15:34.8123456Z");
        check("2026-03-04T10:15:33.500z", "2026-03-04T10:15:33.5Z");
        check("2026-03-04T10:15:34+01:00", "2026-03-04T09:15:34Z");
        check("2026-03-04T00:15:34.1+0130", "2026-03-03T22:45:34.1Z");
        check("2026-03-04T10:15:34-05", "2026-03-04T15:15:34Z");
        check("0001-01-01T00:00:00", "0001-01-01T00:00:00Z");
        check("9999-12-31T23:59:59.9999999Z", "9999-12-30T22:00:00.9999999Z");
        check("/Date(1772619334812)/", "2026-03-04T10:15:34.812Z");
        check("/Date(1772619334812+0100)/", "2026-03-04T10:15:34.812Z");
        check("/Date(-1)/", "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "now",
            "2026",
            "2026-3-4",
            "2026-02-29T00:00:00Z",
            "2026-03-04T24:00:00Z",
            "2026-03-04T10:60Z",
            "2026-03-04T10:15:34.Z",
            "2026-03-04T10:15:34+25:00",
            "2026-03-04T10:15:34ZZ",
            "2026-03-04T10:15:34+1",
            "2026-03-04X10:15",
            "0000-01-01",
            "/Date()/",
            "/Date(1",
            "/Date(1x)/",
            "20260304T101534Z",
            "/Date(99999999999999999999)/",
            "2026-03-04T",
            "२०२६-03-04",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn ticks_are_those_of_dotnet() {
        let epoch = Moment::UNIX_EPOCH;
        assert_eq!(ticks(epoch), TICKS_AT_UNIX_EPOCH);
        assert_eq!(from_ticks(0).map(format).as_deref(), Some("0001-01-01T00:00:00Z"));
        assert_eq!(from_ticks(TICKS_MAX), Some(Moment::MAX));
        assert_eq!(from_ticks(630_822_816_000_000_000).map(format).as_deref(), Some("2000-01-01T00:00:00Z"));
        assert_eq!(from_ticks(i64::MAX), None);
        assert_eq!(from_ticks(-1), None);
        let moment = parse("2026-03-04T10:15:34.8123456Z").unwrap();
        assert_eq!(from_ticks(ticks(moment)), Some(moment));
    }
}
