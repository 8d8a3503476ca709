//! Decimal digits straight into a text, without a text of their own for each number: every code has some thirty of them.

/// Adds a number without leading zeros.
pub(crate) fn push_number(out: &mut String, number: u64) {
    if number >= 10 {
        push_number(out, number / 10);
    }
    push_digit(out, number);
}

/// Adds the last two digits of a number.
pub(crate) fn push_two(out: &mut String, number: u64) {
    push_digit(out, number / 10);
    push_digit(out, number);
}

/// Adds the last digit of a number.
fn push_digit(out: &mut String, number: u64) {
    // A remainder of 10 is one byte.
    out.push(char::from(b'0' + u8::try_from(number % 10).unwrap_or_default()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_as_formatted() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX] {
            let mut out = String::new();
            push_number(&mut out, number);
            out.push(' ');
            push_two(&mut out, number);
            assert_eq!(out, format!("{number} {:02}", number % 100));
        }
    }
}
