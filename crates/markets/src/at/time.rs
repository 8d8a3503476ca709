//! Austrian local time, from the time zone data inside the program.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use kassette_model::Moment;

use super::digits::push_two;

/// Length of field 4.
const LOCAL_TEXT_CHARS: usize = 19;

/// Europe/Vienna, whatever the machine's own zone and its installed data are.
static VIENNA: LazyLock<TimeZone> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the data is compiled into the program")]
    TimeZoneDatabase::bundled().get("Europe/Vienna").expect("the bundled database has Europe/Vienna")
});

/// Austrian local time of a moment, fractions cut.
#[must_use]
pub(crate) fn local_time(moment: Moment) -> DateTime {
    let local = VIENNA.to_datetime(moment);
    local.date().at(local.hour(), local.minute(), local.second(), 0)
}

/// `YYYY-MM-DDThh:mm:ss`, field 4 of the code (RKSV §9): local, without offset and fractions.
#[must_use]
pub(crate) fn local_text(local: DateTime) -> String {
    // A moment of signing comes from the server's clock: its year has four digits.
    let year = u64::from(local.year().unsigned_abs());
    let mut text = String::with_capacity(LOCAL_TEXT_CHARS);
    push_two(&mut text, year / 100);
    push_two(&mut text, year);
    for (separator, part) in
        [('-', local.month()), ('-', local.day()), ('T', local.hour()), (':', local.minute()), (':', local.second())]
    {
        text.push(separator);
        push_two(&mut text, u64::from(part.unsigned_abs()));
    }
    text
}

/// The Austrian calendar day of a moment.
#[must_use]
pub(crate) fn local_date(moment: Moment) -> Date {
    VIENNA.to_datetime(moment).date()
}

/// Whether a text has the form of field 4 and names a time that exists.
#[must_use]
pub(crate) fn is_local_text(text: &str) -> bool {
    read_local_text(text).is_some()
}

/// The time that a text in the form of field 4 names, if there is one.
#[must_use]
pub(crate) fn read_local_text(text: &str) -> Option<DateTime> {
    if text.len() != LOCAL_TEXT_CHARS || text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn summer_and_winter() {
        for (utc, local) in [
            ("2026-03-04T10:15:34.812Z", "2026-03-04T11:15:34"),
            ("2026-07-01T00:00:00Z", "2026-07-01T02:00:00"),
            ("2026-10-25T00:30:00Z", "2026-10-25T02:30:00"),
            ("2026-10-25T01:30:00Z", "2026-10-25T02:30:00"),
            ("2025-12-31T23:00:00Z", "2026-01-01T00:00:00"),
        ] {
            let time = local_time(utc.parse().unwrap());
            assert_eq!(local_text(time), local);
            assert_eq!(read_local_text(local), Some(time));
        }
        assert!(!is_local_text("2026-02-30T00:00:00"));
        assert!(!is_local_text("2026-02-20 00:00:00"));
        assert!(!is_local_text("2026-02-20T00:00:0"));
    }
}
