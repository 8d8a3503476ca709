//! Numbers in packed decimal digits, two in a byte.

/// The number; `None` when a digit is not decimal or the number does not fit.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0_u64, |number, byte| {
        let (high, low) = (byte >> 4, byte & 0x0F);
        if high > 9 || low > 9 {
            return None;
        }
        number.checked_mul(100)?.checked_add(u64::from(high * 10 + low))
    })
}

/// The digits of a number, filled with zeros from the left; `None` when it has more digits than that.
pub(super) fn digits(number: u64, bytes: usize) -> Option<Vec<u8>> {
    let mut rest = number;
    let mut found: Vec<u8> = (0..bytes)
        .map(|_| {
            let pair = u8::try_from(rest % 100).unwrap_or(0);
            rest /= 100;
            ((pair / 10) << 4) | (pair % 10)
        })
        .collect();
    found.reverse();
    (rest == 0).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_stand_in_a_byte() {
        assert_eq!(number(&[0, 0, 0, 0, 0x12, 0x34]), Some(1_234));
        assert_eq!(number(&[0x0A]), None);
        assert_eq!(number(&[0xA0]), None);
        assert_eq!(number(&[0x99; 11]), None);
        assert_eq!(digits(1_234, 6), Some(vec![0, 0, 0, 0, 0x12, 0x34]));
        assert_eq!(digits(99, 1), Some(vec![0x99]));
        assert_eq!(digits(100, 1), None);
        assert_eq!(digits(0, 0), Some(vec![]));
    }
}
