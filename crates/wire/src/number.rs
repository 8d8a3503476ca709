//! Numbers with all their digits: decimals of up to 28 digits, 64-bit words, case words in three spellings.

use kassette_model::Decimal;

/// Most significant digits of a decimal. A [`Decimal`] has 96 bits, which hold every number of 28 digits.
pub(crate) const DIGITS_MAX: u32 = 28;

/// Why a text is not taken as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberError {
    /// It is not written as a number.
    NotANumber,
    /// It is a number, but has too many digits or lies outside its range.
    OutOfRange(&'static str),
}

/// Reads a decimal in the grammar of a JSON number, exponent included, without rounding.
pub(crate) fn decimal(text: &str) -> Result<Decimal, NumberError> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let mut mantissa: i128 = 0;
    let mut significant: u32 = 0;
    let mut places: i64 = 0;
    let mut bytes = body.bytes().peekable();
    let (mut whole, mut first) = (0_u32, b'0');
    let mut take = |digit: u8| {
        if significant > 0 || digit != b'0' {
            significant = significant.saturating_add(1);
        }
        if significant <= DIGITS_MAX {
            mantissa = mantissa * 10 + i128::from(digit - b'0');
        }
    };
    while let Some(digit) = bytes.next_if(u8::is_ascii_digit) {
        if whole == 0 {
            first = digit;
        }
        whole = whole.saturating_add(1);
        take(digit);
    }
    if whole == 0 || (whole > 1 && first == b'0') {
        return Err(NumberError::NotANumber);
    }
    if bytes.next_if_eq(&b'.').is_some() {
        while let Some(digit) = bytes.next_if(u8::is_ascii_digit) {
            places += 1;
            take(digit);
        }
        if places == 0 {
            return Err(NumberError::NotANumber);
        }
    }
    let exponent = if bytes.next_if(|byte| matches!(byte, b'e' | b'E')).is_some() { exponent(&mut bytes)? } else { 0 };
    if bytes.next().is_some() {
        return Err(NumberError::NotANumber);
    }
    if significant > DIGITS_MAX {
        return Err(NumberError::OutOfRange("it has more than 28 significant digits"));
    }
    scaled(if negative { -mantissa } else { mantissa }, significant, places.saturating_sub(exponent))
}

/// What stands behind `e`; saturates, because any large exponent is out of range alike.
fn exponent(bytes: &mut impl Iterator<Item = u8>) -> Result<i64, NumberError> {
    let mut value: i64 = 0;
    let mut negative = false;
    let mut digits = 0_u32;
    for (index, byte) in bytes.enumerate() {
        match byte {
            b'+' if index == 0 => {}
            b'-' if index == 0 => negative = true,
            b'0'..=b'9' => {
                digits = digits.saturating_add(1);
                value = value.saturating_mul(10).saturating_add(i64::from(byte - b'0'));
            }
            _ => return Err(NumberError::NotANumber),
        }
    }
    if digits == 0 {
        return Err(NumberError::NotANumber);
    }
    Ok(if negative { value.saturating_neg() } else { value })
}

/// `mantissa × 10^-scale`, exactly.
fn scaled(mut mantissa: i128, significant: u32, mut scale: i64) -> Result<Decimal, NumberError> {
    const TOO_LARGE: NumberError = NumberError::OutOfRange("it is too large");
    const TOO_SMALL: NumberError = NumberError::OutOfRange("it has more than 28 decimal places");
    let scale_max = i64::from(Decimal::MAX_SCALE);
    if mantissa == 0 {
        scale = scale.clamp(0, scale_max);
    }
    while scale > scale_max && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    if scale > scale_max {
        return Err(TOO_SMALL);
    }
    if scale < 0 {
        let zeros = u32::try_from(scale.unsigned_abs()).map_err(|_| TOO_LARGE)?;
        if significant.saturating_add(zeros) > DIGITS_MAX {
            return Err(TOO_LARGE);
        }
        mantissa = 10_i128.checked_pow(zeros).and_then(|power| mantissa.checked_mul(power)).ok_or(TOO_LARGE)?;
        scale = 0;
    }
    let scale = u32::try_from(scale).map_err(|_| TOO_SMALL)?;
    Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| TOO_LARGE)
}

/// Divides by `10^places`, exactly.
pub(crate) fn divided(value: Decimal, places: u32) -> Result<Decimal, NumberError> {
    scaled(value.mantissa(), DIGITS_MAX, i64::from(value.scale()) + i64::from(places))
}

/// Reads a whole number from 0 to 2^64-1.
pub(crate) fn unsigned(text: &str) -> Result<u64, NumberError> {
    const RANGE: NumberError = NumberError::OutOfRange("it lies outside 0 to 18446744073709551615");
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::NotANumber);
    }
    match digits.parse() {
        Ok(value) if digits.len() == text.len() || value == 0 => Ok(value),
        _ => Err(RANGE),
    }
}

/// Reads a whole number from -2^63 to 2^63-1.
pub(crate) fn signed(text: &str) -> Result<i64, NumberError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::NotANumber);
    }
    text.parse().map_err(|_| NumberError::OutOfRange("it lies outside -9223372036854775808 to 9223372036854775807"))
}

/// Reads a case from a string: decimal, or hexadecimal behind `0x`; `_` may stand between digits.
pub(crate) fn case_word(text: &str) -> Result<u64, NumberError> {
    let text = text.trim();
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let mut value: u64 = 0;
    let mut count = 0_u32;
    for character in digits.chars().filter(|character| *character != '_') {
        let digit = character.to_digit(radix).ok_or(NumberError::NotANumber)?;
        count = count.saturating_add(1);
        value = value
            .checked_mul(u64::from(radix))
            .and_then(|value| value.checked_add(u64::from(digit)))
            .ok_or(NumberError::OutOfRange("it has more than 64 bits"))?;
    }
    if count == 0 { Err(NumberError::NotANumber) } else { Ok(value) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn check_decimal(text: &str, expected: &str) {
        assert_eq!(decimal(text).map(|value| value.to_string()).as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn decimals_keep_every_digit() {
        check_decimal("18.40", "18.40");
        check_decimal("-0.05", "-0.05");
        check_decimal("-0", "0");
        check_decimal("0.00", "0.00");
        check_decimal("1e3", "1000");
        check_decimal("1.25E+1", "12.5");
        check_decimal("125e-2", "1.25");
        check_decimal("0e400", "0");
        check_decimal("1e27", "1000000000000000000000000000");
        check_decimal("9999999999999999999999999999", "9999999999999999999999999999");
        check_decimal("0.9999999999999999999999999999", "0.9999999999999999999999999999");
        check_decimal("0.0000000000000000000000000001", "0.0000000000000000000000000001");
        check_decimal("10e-29", "0.0000000000000000000000000001");
    }

    #[test]
    fn a_decimal_is_never_rounded() {
        for text in [
            "99999999999999999999999999999",
            "1.0000000000000000000000000000",
            "1e28",
            "1e400",
            "1e-29",
            "1e-400",
            "1e99999999999999999999",
            "1234567890123456789012345678901234567890",
            "0.00000000000000000000000000001",
        ] {
            assert!(matches!(decimal(text), Err(NumberError::OutOfRange(_))), "{text}");
        }
        for text in
            ["", "-", "NaN", "Infinity", "1.", ".5", "+1", "01", "1e", "1e+", "1 ", "0x10", "1,5", "--1", "1e5x"]
        {
            assert_eq!(decimal(text), Err(NumberError::NotANumber), "{text}");
        }
    }

    #[test]
    fn a_multiplier_only_moves_the_point() {
        let divided = |text: &str, places| divided(decimal(text).unwrap(), places).map(|value| value.to_string());
        assert_eq!(divided("640", 2).as_deref(), Ok("6.40"));
        assert_eq!(divided("-1", 8).as_deref(), Ok("-0.00000001"));
        assert_eq!(divided("1.5", 2).as_deref(), Ok("0.015"));
        assert!(divided("0.0000000000000000000000000001", 2).is_err());
        assert_eq!(divided("0.0000000000000000000000000000", 8).as_deref(), Ok("0.0000000000000000000000000000"));
    }

    #[test]
    fn a_case_reads_in_three_spellings() {
        for text in ["5139205309155246081", "0x4752_2000_0000_0001", "0X4752200000000001", "0x47_52_20_00_00_00_00_01"]
        {
            assert_eq!(case_word(text), Ok(0x4752_2000_0000_0001), "{text}");
        }
        assert_eq!(case_word("0xFFFFFFFFFFFFFFFF"), Ok(u64::MAX));
        assert!(matches!(case_word("0x10000000000000000"), Err(NumberError::OutOfRange(_))));
        assert!(matches!(case_word("18446744073709551616"), Err(NumberError::OutOfRange(_))));
        for text in ["", "0x", "_", "0x_", "-1", "1.0", "g", "0xg"] {
            assert_eq!(case_word(text), Err(NumberError::NotANumber), "{text}");
        }
    }

    #[test]
    fn words_have_exact_ends() {
        assert_eq!(unsigned("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(unsigned("9223372036854775808"), Ok(1 << 63));
        assert!(matches!(unsigned("18446744073709551616"), Err(NumberError::OutOfRange(_))));
        assert!(matches!(unsigned("-1"), Err(NumberError::OutOfRange(_))));
        assert_eq!(unsigned("1.0"), Err(NumberError::NotANumber));
        assert_eq!(signed("-9223372036854775808"), Ok(i64::MIN));
        assert!(matches!(signed("9223372036854775808"), Err(NumberError::OutOfRange(_))));
        assert_eq!(signed("1e3"), Err(NumberError::NotANumber));
    }
}
