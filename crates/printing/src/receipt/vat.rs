//! The table of taxes: gross, tax and net of every rate, and the letter that items carry for it.

use kassette_model::Decimal;
use rust_decimal::RoundingStrategy;

use super::VatRow;

/// Letters for a rate whose own letter already stands for another one.
const SPARE_LETTERS: std::ops::RangeInclusive<char> = 'J'..='Z';

/// Sums by category and rate.
pub(super) struct Rates {
    /// Decimals of a tax amount.
    decimals: u32,
    sums: Vec<Sum>,
}

struct Sum {
    /// Letter of the category.
    category: char,
    rate: Decimal,
    gross: Decimal,
    /// Gross amount whose tax is still to be worked out.
    untold: Decimal,
    /// Tax that the till told.
    told: Decimal,
}

/// The finished table.
pub(super) struct Table {
    rows: Vec<(char, VatRow)>,
}

impl Rates {
    pub(super) const fn new(decimals: u32) -> Self {
        Self { decimals, sums: Vec::new() }
    }

    /// Adds an item. `None` when a sum overflows.
    pub(super) fn add(&mut self, category: char, rate: Decimal, gross: Decimal, told: Option<Decimal>) -> Option<()> {
        let rate = rate.normalize();
        let index = match self.sums.iter().position(|sum| sum.category == category && sum.rate == rate) {
            Some(index) => index,
            None => {
                let zero = Decimal::ZERO;
                self.sums.push(Sum { category, rate, gross: zero, untold: zero, told: zero });
                self.sums.len() - 1
            }
        };
        let sum = self.sums.get_mut(index)?;
        sum.gross = sum.gross.checked_add(gross)?;
        match told {
            Some(tax) => sum.told = sum.told.checked_add(tax)?,
            None => sum.untold = sum.untold.checked_add(gross)?,
        }
        Some(())
    }

    /// The table, sorted by letter. The tax is worked out of the sum of a rate, once, and rounded half away from zero; what the till told
    /// is taken as it is. `None` when a sum overflows.
    pub(super) fn rows(mut self) -> Option<Table> {
        self.sums.sort_by(|a, b| a.category.cmp(&b.category).then(b.rate.cmp(&a.rate)));
        let mut spare = SPARE_LETTERS;
        let mut rows: Vec<(char, VatRow)> = Vec::with_capacity(self.sums.len());
        for sum in &self.sums {
            let is_taken = rows.iter().any(|(_, row)| row.letter == sum.category);
            let letter = if is_taken { spare.next().unwrap_or('*') } else { sum.category };
            let worked_out = tax(sum.untold, sum.rate)?
                .round_dp_with_strategy(self.decimals, RoundingStrategy::MidpointAwayFromZero);
            let vat = sum.told.checked_add(worked_out)?;
            let net = sum.gross.checked_sub(vat)?;
            rows.push((sum.category, VatRow { letter, rate: sum.rate, net, vat, gross: sum.gross }));
        }
        rows.sort_by_key(|(_, row)| row.letter);
        Some(Table { rows })
    }
}

impl Table {
    /// The letter of a row.
    pub(super) fn letter(&self, category: char, rate: Decimal) -> Option<char> {
        let row = self.rows.iter().find(|(own, row)| *own == category && row.rate == rate);
        row.map(|(_, row)| row.letter)
    }

    pub(super) fn into_rows(self) -> Vec<VatRow> {
        self.rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// Tax contained in a gross amount, not rounded.
fn tax(gross: Decimal, rate: Decimal) -> Option<Decimal> {
    let whole = Decimal::ONE_HUNDRED.checked_add(rate)?;
    if whole.is_zero() {
        return Some(Decimal::ZERO);
    }
    // Dividing first keeps large amounts inside 28 digits; the quotient has all the digits that rounding needs.
    gross
        .checked_mul(rate)
        .and_then(|product| product.checked_div(whole))
        .or_else(|| gross.checked_div(whole)?.checked_mul(rate))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    /// Items as category, rate, gross, told tax; rows as letter, rate, net, tax, gross.
    #[track_caller]
    fn check(items: &[(char, &str, &str, Option<&str>)], expected: &[(char, &str, &str, &str, &str)]) {
        let mut rates = Rates::new(2);
        for (category, rate, gross, told) in items {
            rates.add(*category, decimal(rate), decimal(gross), told.map(decimal)).unwrap();
        }
        let rows = rates.rows().unwrap().into_rows();
        let expected: Vec<VatRow> = expected
            .iter()
            .map(|(letter, rate, net, vat, gross)| VatRow {
                letter: *letter,
                rate: decimal(rate),
                net: decimal(net),
                vat: decimal(vat),
                gross: decimal(gross),
            })
            .collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn tax_is_worked_out_of_the_sum_of_a_rate() {
        check(
            &[('A', "20", "6.40", None), ('B', "10", "12.00", None)],
            &[('A', "20", "5.33", "1.07", "6.40"), ('B', "10", "10.91", "1.09", "12.00")],
        );
        // Three times 0.01 at 20 %: 0.005 together is one cent, each alone would be none.
        let cent = ('A', "20.00", "0.01", None);
        check(&[cent, cent, cent], &[('A', "20", "0.02", "0.01", "0.03")]);
        check(&[('A', "19", "-0.03", None)], &[('A', "19", "-0.03", "0.00", "-0.03")]);
        check(&[('I', "0", "5", None)], &[('I', "0", "5", "0", "5")]);
    }

    #[test]
    fn what_the_till_told_is_taken() {
        check(
            &[('A', "20", "10.00", Some("1.66")), ('A', "20", "6.00", None)],
            &[('A', "20", "13.34", "2.66", "16.00")],
        );
    }

    #[test]
    fn no_letter_stands_for_two_rates() {
        check(
            &[('G', "19", "1.19", None), ('G', "7", "1.07", None), ('A', "20", "1.20", None)],
            &[
                ('A', "20", "1.00", "0.20", "1.20"),
                ('G', "19", "1.00", "0.19", "1.19"),
                ('J', "7", "1.00", "0.07", "1.07"),
            ],
        );
    }

    #[test]
    fn ends_are_kept() {
        check(&[('A', "-100", "5.00", None)], &[('A', "-100", "5.00", "0", "5.00")]);
        let mut rates = Rates::new(2);
        assert_eq!(rates.add('A', decimal("20"), Decimal::MAX, None), Some(()));
        assert_eq!(rates.add('A', decimal("20"), Decimal::MAX, None), None);
    }

    proptest! {
        #[test]
        fn net_and_tax_are_the_gross(cents in prop::collection::vec((0_u8..4, -1_000_000_i64..1_000_000), 0..40)) {
            let mut rates = Rates::new(2);
            for (category, cents) in &cents {
                let (letter, rate) = [('A', 20), ('B', 10), ('C', 13), ('H', 0)][usize::from(*category)];
                rates.add(letter, Decimal::from(rate), Decimal::new(*cents, 2), None).unwrap();
            }
            let rows = rates.rows().unwrap().into_rows();
            for row in &rows {
                prop_assert_eq!(row.net + row.vat, row.gross);
                prop_assert!(row.vat.scale() <= 2);
            }
            let sum: Decimal = rows.iter().map(|row| row.gross).sum();
            prop_assert_eq!(sum, cents.iter().map(|(_, cents)| Decimal::new(*cents, 2)).sum::<Decimal>());
        }
    }
}
