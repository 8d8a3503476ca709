//! The turnover counter: AES-256 in ICM mode over N bytes of two's complement (RKSV §9, Anlage).

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use kassette_stdx::encoding::base64;
use sha2::{Digest, Sha256};

/// Fewest bytes the ordinance allows for the counter.
pub(crate) const COUNTER_BYTES_MIN: u8 = 5;
/// Most bytes: one block of the cipher.
pub(crate) const COUNTER_BYTES_MAX: u8 = 16;

/// The counter does not fit its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow;

/// XOR of the counter with the keystream of this receipt number; works both ways.
fn keystream(key: &[u8; 32], kassen_id: &str, number: &str) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::new().chain_update(kassen_id).chain_update(number).finalize().into();
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = digest;
    let mut block = Array::from([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]);
    Aes256::new(&Array::from(*key)).encrypt_block(&mut block);
    block.into()
}

/// Whether `cents` fits `bytes` of two's complement.
#[must_use]
pub(crate) fn fits(cents: i64, bytes: u8) -> bool {
    if bytes >= 8 {
        return true;
    }
    let bits = u32::from(bytes) * 8 - 1;
    let limit = 1_i64 << bits;
    (-limit..limit).contains(&cents)
}

/// Encrypts the counter in cents after this receipt into `bytes` bytes.
pub(crate) fn encrypt(
    key: &[u8; 32],
    kassen_id: &str,
    number: &str,
    cents: i64,
    bytes: u8,
) -> Result<Vec<u8>, Overflow> {
    if !fits(cents, bytes) {
        return Err(Overflow);
    }
    let plain = i128::from(cents).to_be_bytes();
    let right_aligned = plain.iter().skip(16_usize.saturating_sub(usize::from(bytes)));
    Ok(right_aligned.zip(keystream(key, kassen_id, number)).map(|(plain, stream)| plain ^ stream).collect())
}

/// Decrypts a counter; `None` when its length is not 5 to 16 bytes.
#[must_use]
pub(crate) fn decrypt(key: &[u8; 32], kassen_id: &str, number: &str, cipher: &[u8]) -> Option<i128> {
    let bytes = u8::try_from(cipher.len()).ok()?;
    if !(COUNTER_BYTES_MIN..=COUNTER_BYTES_MAX).contains(&bytes) {
        return None;
    }
    let mut plain = cipher.iter().zip(keystream(key, kassen_id, number)).map(|(cipher, stream)| cipher ^ stream);
    let first = i128::from(plain.next()?.cast_signed());
    Some(plain.fold(first, |value, byte| (value << 8) | i128::from(byte)))
}

/// The value to type beside the key into FinanzOnline: SHA-256 over the key's base64 text, three bytes, base64.
#[must_use]
pub(crate) fn key_check_value(key: &[u8; 32]) -> String {
    let digest: [u8; 32] = Sha256::digest(base64(key)).into();
    let [a, b, c, ..] = digest;
    base64(&[a, b, c])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use kassette_stdx::encoding::base64_decode;

    use super::*;

    const KASSEN_ID: &str = "CASHBOX-DEMO-1";

    fn key() -> [u8; 32] {
        base64_decode("WQRtiiya3hYh/Uz44Bv3x8ETl1nrH6nCdErn69g5/lU=").unwrap().try_into().unwrap()
    }

    /// Known answers of `turnover-kat.json` (made with openssl and Python from the key of the authority's demo register).
    #[test]
    fn the_known_answers() {
        for (number, cents, eight, five) in [
            ("CASHBOX-DEMO-1-Receipt-ID-1", 0, "4r1iIdZGeAQ=", "4r1iIdY="),
            ("X1", 12345, "Pdy+fR6kvCg=", "Pdy+TSc="),
            ("X1", -1, "wiNBguFbc+4=", "wiNBguE="),
            ("X1", -12345, "wiNBguFbQ9Y=", "wiNBstk="),
        ] {
            for (bytes, text) in [(8, eight), (5, five)] {
                let cipher = encrypt(&key(), KASSEN_ID, number, cents, bytes).unwrap();
                assert_eq!(base64(&cipher), text, "{number} {cents} in {bytes}");
                assert_eq!(decrypt(&key(), KASSEN_ID, number, &cipher), Some(i128::from(cents)));
            }
        }
        assert_eq!(key_check_value(&key()), "omRR");
    }

    #[test]
    fn every_length_at_its_limits() {
        for bytes in COUNTER_BYTES_MIN..=COUNTER_BYTES_MAX {
            let limit = if bytes >= 8 { i64::MAX } else { (1_i64 << (u32::from(bytes) * 8 - 1)) - 1 };
            for cents in [0, 1, -1, limit, -limit - 1] {
                let cipher = encrypt(&key(), "K", "B", cents, bytes).unwrap();
                assert_eq!(cipher.len(), usize::from(bytes));
                assert_eq!(decrypt(&key(), "K", "B", &cipher), Some(i128::from(cents)), "{cents} in {bytes}");
            }
            if bytes < 8 {
                assert_eq!(encrypt(&key(), "K", "B", limit + 1, bytes), Err(Overflow));
                assert_eq!(encrypt(&key(), "K", "B", -limit - 2, bytes), Err(Overflow));
            }
        }
        for wrong in [0, 4, 17] {
            assert_eq!(decrypt(&key(), "K", "B", &vec![0; wrong]), None);
        }
    }
}
