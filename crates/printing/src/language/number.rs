//! Amounts and quantities as a language writes them.

use kassette_model::Decimal;
use rust_decimal::RoundingStrategy;

use super::Language;
use crate::receipt::Currency;

/// Most decimals that a quantity or a price of one is shown with.
const DECIMALS_MAX: u32 = 6;

/// How numbers are written. After the language's entry in the CLDR, with a no-break space where that has a narrow one: printers have no
/// such character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberFormat {
    /// Between units and tenths.
    pub decimal: char,
    /// Between groups of three digits.
    pub group: char,
    /// Digits before the decimal character from which on they are grouped.
    pub group_digits_min: usize,
    /// Whether the sign of the currency stands before the amount.
    pub sign_first: bool,
}

impl Language {
    /// An amount with all decimals of its currency, and more only when the amount has more that are not 0.
    #[must_use]
    pub fn amount(self, amount: Decimal, currency: Currency) -> String {
        self.fixed(amount, currency.decimals())
    }

    /// An amount with the sign or code of its currency.
    #[must_use]
    pub fn money(self, amount: Decimal, currency: Currency) -> String {
        let number = self.amount(amount, currency);
        match currency.sign() {
            Some(sign) if self.numbers().sign_first => match number.strip_prefix('-') {
                Some(positive) => format!("-{sign}{positive}"),
                None => format!("{sign}{number}"),
            },
            Some(sign) => format!("{number}\u{a0}{sign}"),
            None => format!("{number}\u{a0}{}", currency.code()),
        }
    }

    /// A quantity, without zeros at its end.
    #[must_use]
    pub fn quantity(self, quantity: Decimal) -> String {
        self.fixed(quantity, 0)
    }

    /// A rate in percent, such as `20 %`.
    #[must_use]
    pub fn percent(self, rate: Decimal) -> String {
        let number = self.quantity(rate);
        if self == Self::En { format!("{number}%") } else { format!("{number}\u{a0}%") }
    }

    /// At least `decimals` decimals, more up to [`DECIMALS_MAX`] when they are not 0.
    fn fixed(self, number: Decimal, decimals: u32) -> String {
        let format = self.numbers();
        let rounded = number.round_dp_with_strategy(DECIMALS_MAX.max(decimals), RoundingStrategy::MidpointAwayFromZero);
        let plain = rounded.normalize().abs().to_string();
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut text = String::with_capacity(plain.len() + 8);
        if rounded.is_sign_negative() && !rounded.is_zero() {
            text.push('-');
        }
        let digits = whole.len();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (digits - index).is_multiple_of(3) && digits >= format.group_digits_min {
                text.push(format.group);
            }
            text.push(digit);
        }
        let missing = usize::try_from(decimals).unwrap_or(0).saturating_sub(fraction.len());
        if !fraction.is_empty() || missing > 0 {
            text.push(format.decimal);
            text.push_str(fraction);
            text.extend(std::iter::repeat_n('0', missing));
        }
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: &str, currency: &str, expected: [&str; 5]) {
        let currency = Currency::parse(currency).unwrap();
        let number: Decimal = number.parse().unwrap();
        for (language, expected) in Language::ALL.iter().zip(expected) {
            assert_eq!(language.money(number, currency), expected, "{language:?}");
        }
    }

    #[test]
    fn each_language_writes_amounts_its_own_way() {
        check("18.4", "EUR", ["18,40\u{a0}€", "€18.40", "18,40\u{a0}€", "18,40\u{a0}€", "18,40\u{a0}€"]);
        check(
            "-1234567.891",
            "EUR",
            [
                "-1.234.567,891\u{a0}€",
                "-€1,234,567.891",
                "-1.234.567,891\u{a0}€",
                "-1\u{a0}234\u{a0}567,891\u{a0}€",
                "-1\u{a0}234\u{a0}567,891\u{a0}€",
            ],
        );
        check(
            "1234",
            "EUR",
            ["1.234,00\u{a0}€", "€1,234.00", "1234,00\u{a0}€", "1\u{a0}234,00\u{a0}€", "1234,00\u{a0}€"],
        );
        check(
            "1234.5",
            "CHF",
            [
                "1.234,50\u{a0}CHF",
                "1,234.50\u{a0}CHF",
                "1234,50\u{a0}CHF",
                "1\u{a0}234,50\u{a0}CHF",
                "1234,50\u{a0}CHF",
            ],
        );
        check("-0.00", "JPY", ["0\u{a0}JPY", "0\u{a0}JPY", "0\u{a0}JPY", "0\u{a0}JPY", "0\u{a0}JPY"]);
    }

    #[test]
    fn the_ends_of_decimal_are_written() {
        let text = Language::En.amount(Decimal::MAX, Currency::EUR);
        assert_eq!(text, "79,228,162,514,264,337,593,543,950,335.00");
        assert_eq!(Language::De.quantity("0.0000000000000000000000000001".parse().unwrap()), "0");
        assert_eq!(Language::De.quantity("1.2345675".parse().unwrap()), "1,234568");
        assert_eq!(Language::De.quantity("2.000".parse().unwrap()), "2");
        assert_eq!(
            (Language::De.percent(Decimal::TEN), Language::En.percent(Decimal::TEN)),
            ("10\u{a0}%".into(), "10%".into())
        );
    }
}
