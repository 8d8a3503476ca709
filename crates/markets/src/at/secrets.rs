//! The secret of a register: the AES key of its turnover counter.

use kassette_stdx::encoding::{base64, base64_decode};
use zeroize::Zeroizing;

use super::counter;
use crate::SettingsError;

/// AES-256 key of the turnover counter. It is reported to `FinanzOnline` as base64 and never enters the journal.
#[derive(Clone)]
pub struct Secrets {
    key: Zeroizing<[u8; 32]>,
}

impl Secrets {
    /// From the key's 32 bytes.
    #[must_use]
    pub fn from_key(key: [u8; 32]) -> Self {
        Self { key: Zeroizing::new(key) }
    }

    /// The key.
    #[must_use]
    pub(crate) fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The key as `FinanzOnline` and the crypto material file want it.
    #[must_use]
    pub fn key_base64(&self) -> String {
        base64(&*self.key)
    }

    /// Four characters that guard the typing of the key into `FinanzOnline`.
    #[must_use]
    pub fn key_check_value(&self) -> String {
        counter::key_check_value(&self.key)
    }

    /// Reads the stored form: one line, base64 of 32 bytes.
    pub(crate) fn parse(stored: &str) -> Result<Self, SettingsError> {
        base64_decode(stored.trim()).and_then(|bytes| bytes.try_into().ok()).map(Self::from_key).ok_or_else(|| {
            SettingsError { pointer: String::new(), message: "the turnover counter's key is base64 of 32 bytes".into() }
        })
    }

    /// The stored form of a key made from the first half of 64 random bytes.
    #[must_use]
    pub(crate) fn stored_from_random(random: &[u8; 64]) -> String {
        base64(random.first_chunk::<32>().map_or(&[][..], |key| key))
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn new_secrets_read_back_and_hide() {
        let stored = Secrets::stored_from_random(&[7; 64]);
        let secrets = Secrets::parse(&stored).unwrap();
        assert_eq!(secrets.key(), &[7; 32]);
        assert_eq!(secrets.key_base64(), stored);
        assert_eq!(format!("{secrets:?}"), "Secrets(..)");
        assert!(Secrets::parse("c2hvcnQ=").is_err());
        assert!(Secrets::parse("no base64").is_err());
    }
}
