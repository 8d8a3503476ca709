//! When a monthly or yearly receipt is due (RKSV §8; contract 6.4).

use jiff::civil::Date;

use crate::at::state::State;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Month,
    Year,
}

/// A settlement before this day of the month still belongs to the month before.
const SETTLEMENT_DAY_OF_NEXT_MONTH_MAX: i8 = 15;

/// Months since year 0, January of year 0 being 0.
fn month_number(date: Date) -> i32 {
    i32::from(date.year()) * 12 + i32::from(date.month()) - 1
}

/// The month that a settlement on this day closes, in months since year 0.
fn settled_month(day: Date) -> i32 {
    month_number(day) - i32::from(day.day() < SETTLEMENT_DAY_OF_NEXT_MONTH_MAX)
}

/// The calendar month (1 to 12) that a settlement on this day closes.
pub(super) fn month_of_settlement(day: Date) -> i8 {
    // The remainder of 12 is 0 to 11.
    i8::try_from(settled_month(day).rem_euclid(12)).unwrap_or_default().saturating_add(1)
}

/// By the day of the last settlement and the day of this receipt.
fn due_between(settled: Date, today: Date) -> Due {
    let due_month = settled_month(settled) + 2;
    if month_number(today) < due_month {
        Due::Nothing
    } else if due_month.rem_euclid(12) == 0 || i32::from(today.year()) > due_month.div_euclid(12) {
        Due::Year
    } else {
        Due::Month
    }
}

/// What is due on a receipt of this day.
pub(super) fn due(state: &State, today: Date) -> Due {
    if state.year_due {
        return Due::Year;
    }
    state.settled.map_or(Due::Nothing, |settled| due_between(settled, today))
}

/// The day a settlement counts for: that of the receipt by the till's clock, but never one that is still to come by the
/// server's. A till whose clock runs years ahead would otherwise settle those years.
pub(super) fn day_of_settlement(till: Date, server: Date) -> Date {
    till.min(server)
}

/// The register starts: the month it starts in is the first to be closed. A start receipt is signed at once, so that the
/// server's day is its day; a till whose clock was never set cannot make years due.
pub(super) fn open(state: &mut State, server: Date) {
    state.settled = Some(server.first_of_month());
    state.year_due = false;
}

/// A monthly receipt was made; a yearly one that was due stays due.
pub(super) fn settle_month(state: &mut State, day: Date, server: Date) {
    state.year_due = due(state, day) == Due::Year;
    settle(state, day, server);
}

/// A yearly receipt was made.
pub(super) fn settle_year(state: &mut State, day: Date, server: Date) {
    state.year_due = false;
    settle(state, day, server);
}

/// A settlement entered late does not undo a later one, unless that one lies in the future: no settlement can.
fn settle(state: &mut State, day: Date, server: Date) {
    let before = state.settled.filter(|settled| *settled <= server);
    state.settled = before.max(Some(day));
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn check(settled: &str, today: &str, expected: Due) {
        assert_eq!(due_between(settled.parse().unwrap(), today.parse().unwrap()), expected, "{settled} {today}");
    }

    #[test]
    fn months_and_years() {
        // started in March
        check("2026-03-01", "2026-03-31", Due::Nothing);
        check("2026-03-01", "2026-04-01", Due::Month);
        check("2026-03-01", "2026-12-31", Due::Month);
        check("2026-03-01", "2027-01-01", Due::Year);
        // settled at the end of the month, or early in the next one
        check("2026-03-31", "2026-04-30", Due::Nothing);
        check("2026-03-31", "2026-05-01", Due::Month);
        check("2026-04-14", "2026-04-30", Due::Nothing);
        check("2026-04-14", "2026-05-01", Due::Month);
        check("2026-04-15", "2026-05-31", Due::Nothing);
        // the turn of the year
        check("2026-11-30", "2026-12-31", Due::Nothing);
        check("2026-11-30", "2027-01-01", Due::Year);
        check("2026-12-31", "2027-01-31", Due::Nothing);
        check("2026-12-31", "2027-02-01", Due::Month);
        check("2027-01-05", "2027-01-31", Due::Nothing);
        check("2027-01-05", "2027-02-01", Due::Month);
        // clocks that go back never make a receipt due
        check("2026-03-31", "2020-01-01", Due::Nothing);
    }

    #[test]
    fn the_month_that_a_settlement_closes() {
        for (day, month) in
            [("2026-03-31", 3), ("2026-04-01", 3), ("2026-04-14", 3), ("2026-04-15", 4), ("2027-01-02", 12)]
        {
            assert_eq!(month_of_settlement(day.parse().unwrap()), month, "{day}");
        }
    }

    #[test]
    fn a_monthly_receipt_does_not_stand_in_for_the_yearly_one() {
        let mut state = State::new();
        open(&mut state, "2026-11-20".parse().unwrap());
        let january: Date = "2027-01-02".parse().unwrap();
        assert_eq!(due(&state, january), Due::Year);
        settle_month(&mut state, january, january);
        assert_eq!(due(&state, january), Due::Year);
        settle_year(&mut state, january, january);
        assert_eq!(due(&state, january), Due::Nothing);
    }

    #[test]
    fn a_settlement_in_the_future_is_replaced_and_a_late_one_does_not_undo_a_later_one() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        let mut state = State::new();
        let today = date("2026-03-04");
        assert_eq!(day_of_settlement(date("2099-01-01"), today), today);
        assert_eq!(day_of_settlement(date("2026-02-28"), today), date("2026-02-28"));
        state.settled = Some(date("2099-01-01"));
        settle_month(&mut state, today, today);
        assert_eq!(state.settled, Some(today));
        settle_year(&mut state, date("2026-02-01"), today);
        assert_eq!(state.settled, Some(today));
    }
}
