//! The check sum of a serial frame.

/// `x^16 + x^12 + x^5 + 1`, bits reversed.
const POLYNOMIAL: u16 = 0x8408;

/// CRC-16/KERMIT: reflected, starting at 0, without a final xor.
///
/// PA00P016, chapter 2 describes it under another name; this is the one that terminals send, low byte first, over the
/// unstuffed APDU and the one byte `03` that ends the frame.
#[must_use]
pub fn crc_16_kermit(bytes: &[u8]) -> u16 {
    let mut crc = 0_u16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..u8::BITS {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-16/KERMIT in the public catalogue of CRC algorithms.
    #[test]
    fn the_check_value_is_that_of_kermit() {
        assert_eq!(crc_16_kermit(b"123456789"), 0x2189);
    }

    /// The ends of two frames as terminals and registers send them: `80 00 00` and `06 70 00`.
    #[test]
    fn the_closing_byte_is_part_of_it() {
        assert_eq!(crc_16_kermit(&[0x80, 0, 0, 3]).to_le_bytes(), [0xF5, 0x1F]);
        assert_eq!(crc_16_kermit(&[0x06, 0x70, 0, 3]).to_le_bytes(), [0xD9, 0xF9]);
    }
}
