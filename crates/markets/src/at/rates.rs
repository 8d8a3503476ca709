//! Which of the five amounts of the code a charge item belongs to, and whether it is turnover (RKSV §9; contract 5.3).

use jiff::civil::Date;
use kassette_model::cases::v0::{self, Market};
use kassette_model::cases::{ChargeFlag, ChargeItemCase};
use kassette_model::{ChargeItem, Decimal, Moment};
use rust_decimal::RoundingStrategy;
use rust_decimal::prelude::ToPrimitive as _;

use super::code::Amounts;
use super::time;

/// A version of the rules: in force from a day on, by `cbReceiptMoment` in Austria.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Name, as it stands in the stamp of a record.
    pub(crate) name: &'static str,
    /// First day.
    valid_from: Date,
    /// Whether the rate of 4.9 % is a rate of its own, reported in field 9 whatever category the item names (notice of the
    /// Ministry of Finance of 13 March 2026, announced legislation).
    rate_4_9: bool,
}

/// All versions, newest first. The oldest serves every earlier day, too.
const VERSIONS: [Rules; 2] = [
    Rules { name: "2026-07", valid_from: jiff::civil::date(2026, 7, 1), rate_4_9: true },
    Rules { name: "2017-04", valid_from: jiff::civil::date(2017, 4, 1), rate_4_9: false },
];

impl Rules {
    /// The version in force at a `cbReceiptMoment`.
    #[must_use]
    pub(crate) fn at(moment: Moment) -> Self {
        let day = time::local_date(moment);
        let [_, oldest] = VERSIONS;
        VERSIONS.into_iter().find(|rules| rules.valid_from <= day).unwrap_or(oldest)
    }

    /// The version that a stamp names.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        VERSIONS.into_iter().find(|rules| rules.name == name)
    }
}

/// One of the five amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Normal,
    Reduced1,
    Reduced2,
    Zero,
    Special,
}

/// What an item means for the decision whether a receipt must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Own turnover.
    Turnover,
    /// No own turnover: agency, vouchers for several purposes, cash transfers.
    NoOwnTurnover,
    /// A liability that is paid like cash (v0 item 22).
    Liability,
}

/// Where an item goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) field: Field,
    pub(crate) nature: Nature,
}

const fn turnover(field: Field) -> Place {
    Place { field, nature: Nature::Turnover }
}

const fn no_own(field: Field) -> Place {
    Place { field, nature: Nature::NoOwnTurnover }
}

/// The place of an item under a version of the rules.
#[must_use]
pub(crate) fn place(item: &ChargeItem, rules: Rules) -> Place {
    let by_rate = Market::at_charge_by_rate(item.vat_rate);
    let number = number(item.case, by_rate).filter(|number| *number != 0).unwrap_or(by_rate);
    let by_case = of_number(number).or_else(|| of_number(by_rate)).unwrap_or(turnover(Field::Special));
    if rules.rate_4_9 && is_4_9(item.vat_rate) { Place { field: Field::Special, ..by_case } } else { by_case }
}

fn is_4_9(rate: Decimal) -> bool {
    rate == Decimal::new(49, 1)
}

/// Number of an item in version 0 (contract 5.3). A service without a VAT category takes that of the rate; receivables and
/// cash transfers exist only as not taxable, whatever category they name.
fn number(case: ChargeItemCase, by_rate: u16) -> Option<u16> {
    let with_category = |category: u16| v0::AT.charge(case.with_low16((case.low16() & 0xFFF0) | category));
    match v0::AT.charge(case) {
        None if case.vat_nibble() == 0 => with_category(by_rate).or_else(|| with_category(NOT_TAXABLE)),
        None => with_category(NOT_TAXABLE),
        // A down-payment without a category: by its rate, too.
        Some(_) if case.version() == 2 && case.has(ChargeFlag::DOWN_PAYMENT) && case.vat_nibble() == 0 => {
            with_category(by_rate)
        }
        number => number,
    }
}

/// VAT category 8. Categories 1 to 4 have the numbers of [`Market::at_charge_by_rate`], and 5 falls to the zero field.
const NOT_TAXABLE: u16 = 8;

/// Item numbers of version 0 (AT): six blocks of five rates, then what is no own turnover.
fn of_number(number: u16) -> Option<Place> {
    Some(match number {
        0x01 | 0x08 | 0x0D | 0x12 | 0x17 | 0x1C => turnover(Field::Reduced1),
        0x02 | 0x09 | 0x0E | 0x13 | 0x18 | 0x1D => turnover(Field::Reduced2),
        0x03 | 0x0A | 0x0F | 0x14 | 0x19 | 0x1E => turnover(Field::Normal),
        0x04 | 0x0B | 0x10 | 0x15 | 0x1A | 0x1F => turnover(Field::Special),
        0x05 | 0x06 | 0x0C | 0x11 | 0x16 | 0x1B | 0x20 => turnover(Field::Zero),
        0x07 | 0x21 | 0x23 => no_own(Field::Zero),
        0x22 => Place { field: Field::Zero, nature: Nature::Liability },
        0x24 => no_own(Field::Reduced1),
        0x25 => no_own(Field::Reduced2),
        0x26 => no_own(Field::Normal),
        0x27 => no_own(Field::Special),
        _ => return None,
    })
}

/// An amount is beyond what a code can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AmountOutOfRange;

/// Sums the items per field exactly, then rounds each sum once, half away from zero, to cents.
pub(crate) fn amounts(items: &[ChargeItem], rules: Rules) -> Result<Amounts, AmountOutOfRange> {
    let [mut normal, mut reduced_1, mut reduced_2, mut zero, mut special] = [Decimal::ZERO; 5];
    for item in items {
        let sum = match place(item, rules).field {
            Field::Normal => &mut normal,
            Field::Reduced1 => &mut reduced_1,
            Field::Reduced2 => &mut reduced_2,
            Field::Zero => &mut zero,
            Field::Special => &mut special,
        };
        *sum = sum.checked_add(item.amount).ok_or(AmountOutOfRange)?;
    }
    Ok(Amounts {
        normal: cents(normal)?,
        reduced_1: cents(reduced_1)?,
        reduced_2: cents(reduced_2)?,
        zero: cents(zero)?,
        special: cents(special)?,
    })
}

/// Whole cents, half away from zero.
fn cents(amount: Decimal) -> Result<i64, AmountOutOfRange> {
    amount
        .round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
        .checked_mul(Decimal::ONE_HUNDRED)
        .and_then(|cents| cents.to_i64())
        .ok_or(AmountOutOfRange)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::at::testing::charge;

    const OLD: &str = "2017-04";
    const NEW: &str = "2026-07";

    fn check(rules: &str, case: u64, rate: &str, field: Field, nature: Nature) {
        let item = charge("1", rate, case);
        let place = place(&item, Rules::named(rules).unwrap());
        assert_eq!(place, Place { field, nature }, "case {case:#x} rate {rate} under {rules}");
    }

    #[test]
    fn without_a_case_the_rate_decides() {
        for rules in [OLD, NEW] {
            for (rate, field) in [
                ("20", Field::Normal),
                ("20.00", Field::Normal),
                ("10", Field::Reduced1),
                ("13", Field::Reduced2),
                ("0", Field::Zero),
                ("19", Field::Special),
                ("5", Field::Special),
                ("4.9", Field::Special),
            ] {
                for case in [0, 0x4154_0000_0000_0000, 0x4154_2000_0000_0000] {
                    check(rules, case, rate, field, Nature::Turnover);
                }
            }
        }
    }

    #[test]
    fn version_2_cases() {
        for (case, field, nature) in [
            (0x01, Field::Reduced1, Nature::Turnover),
            (0x02, Field::Reduced2, Nature::Turnover),
            (0x03, Field::Normal, Nature::Turnover),
            (0x04, Field::Special, Nature::Turnover),
            (0x05, Field::Zero, Nature::Turnover),
            (0x07, Field::Zero, Nature::Turnover),
            (0x08, Field::Zero, Nature::Turnover),
            (0x13, Field::Normal, Nature::Turnover),
            (0x21, Field::Reduced1, Nature::Turnover),
            (0x33, Field::Normal, Nature::Turnover),
            (0x42, Field::Reduced2, Nature::Turnover),
            (0x48, Field::Zero, Nature::NoOwnTurnover),
            (0x53, Field::Normal, Nature::Turnover),
            (0x63, Field::Zero, Nature::NoOwnTurnover),
            (0x68, Field::Zero, Nature::NoOwnTurnover),
            (0x74, Field::Special, Nature::Turnover),
            (0x98, Field::Zero, Nature::Liability),
            (0xA8, Field::Zero, Nature::NoOwnTurnover),
            (0x5008, Field::Zero, Nature::Turnover),
            (0x0008_0003, Field::Normal, Nature::Turnover),
            (0x0008_0008, Field::Zero, Nature::Turnover),
        ] {
            check(OLD, 0x4154_2000_0000_0000 | case, "20", field, nature);
        }
        check(OLD, 0x4154_2000_0000_0010, "13", Field::Reduced2, Nature::Turnover);
    }

    #[test]
    fn version_0_numbers() {
        let fields = [Field::Reduced1, Field::Reduced2, Field::Normal, Field::Special, Field::Zero];
        for block in [0x08, 0x0D, 0x12, 0x17, 0x1C] {
            for (offset, field) in (0..).zip(fields) {
                check(OLD, 0x4154_0000_0000_0000 | (block + offset), "7", field, Nature::Turnover);
            }
        }
        for (number, field, nature) in [
            (0x06, Field::Zero, Nature::Turnover),
            (0x07, Field::Zero, Nature::NoOwnTurnover),
            (0x21, Field::Zero, Nature::NoOwnTurnover),
            (0x22, Field::Zero, Nature::Liability),
            (0x23, Field::Zero, Nature::NoOwnTurnover),
            (0x24, Field::Reduced1, Nature::NoOwnTurnover),
            (0x25, Field::Reduced2, Nature::NoOwnTurnover),
            (0x26, Field::Normal, Nature::NoOwnTurnover),
            (0x27, Field::Special, Nature::NoOwnTurnover),
        ] {
            check(OLD, 0x4154_0000_0000_0000 | number, "7", field, nature);
        }
        check(OLD, 0x4154_0000_0000_0099, "10", Field::Reduced1, Nature::Turnover);
    }

    /// Both sides of 2026-07-01, midnight in Vienna.
    #[test]
    fn four_point_nine_percent() {
        for (moment, name) in [
            ("2015-01-01T00:00:00Z", OLD),
            ("2026-06-30T21:59:59Z", OLD),
            ("2026-06-30T22:00:00Z", NEW),
            ("2030-01-01T00:00:00Z", NEW),
        ] {
            assert_eq!(Rules::at(moment.parse().unwrap()).name, name, "{moment}");
        }
        check(OLD, 0x4154_2000_0000_0001, "4.9", Field::Reduced1, Nature::Turnover);
        check(NEW, 0x4154_2000_0000_0001, "4.9", Field::Special, Nature::Turnover);
        check(OLD, 0x4154_2000_0000_0005, "4.9", Field::Zero, Nature::Turnover);
        check(NEW, 0x4154_2000_0000_0005, "4.90", Field::Special, Nature::Turnover);
        check(NEW, 0x4154_2000_0000_0001, "10", Field::Reduced1, Nature::Turnover);
        assert_eq!(Rules::named("1999"), None);
    }

    #[test]
    fn a_sum_is_rounded_once_and_away_from_zero() {
        let rules = Rules::named(OLD).unwrap();
        let of = |list: &[&str]| {
            let items: Vec<_> = list.iter().map(|amount| charge(amount, "20", 0)).collect();
            amounts(&items, rules).map(|amounts| amounts.normal)
        };
        assert_eq!(of(&["0.005"]), Ok(1));
        assert_eq!(of(&["-0.005"]), Ok(-1));
        assert_eq!(of(&["0.004", "0.004"]), Ok(1));
        assert_eq!(of(&["0.0049999999999999999999999999"]), Ok(0));
        assert_eq!(of(&["92233720368547758.07"]), Ok(i64::MAX));
        assert_eq!(of(&["92233720368547758.08"]), Err(AmountOutOfRange));
        assert_eq!(of(&["79228162514264337593543950335", "79228162514264337593543950335"]), Err(AmountOutOfRange));
    }
}
