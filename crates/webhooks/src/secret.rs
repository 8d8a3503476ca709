//! The shared secret of a cash box and its callback receivers (Standard Webhooks 1.0, symmetric).

use std::fmt;

use kassette_stdx::{Entropy, encoding};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What every printed secret begins with, so that scanners for leaked secrets find it.
pub const SECRET_PREFIX: &str = "whsec_";
/// Fewest bytes of a secret: 192 bits.
pub const SECRET_BYTES_MIN: usize = 24;
/// Most bytes of a secret: 512 bits.
pub const SECRET_BYTES_MAX: usize = 64;
/// Bytes of a secret that is made here: 256 bits, as strong as the hash.
pub const SECRET_BYTES: usize = 32;

/// A signing secret: wiped when dropped, never in a `Debug` output, printed only by [`Secret::reveal`].
///
/// Invariant: between [`SECRET_BYTES_MIN`] and [`SECRET_BYTES_MAX`] bytes.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why a text is no secret. The text itself is never quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not begin with [`SECRET_PREFIX`].
    #[error("a callback secret begins with {SECRET_PREFIX}")]
    Prefix,
    /// What follows the prefix is not padded standard base64.
    #[error("what follows {SECRET_PREFIX} is not standard base64 with padding")]
    Base64,
    /// Too few or too many bytes.
    #[error("a callback secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes, this one has {found_bytes}")]
    Length {
        /// How many bytes it has.
        found_bytes: usize,
    },
}

impl Secret {
    /// A new secret of [`SECRET_BYTES`] random bytes.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new(vec![0; SECRET_BYTES]);
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Wraps key bytes.
    ///
    /// # Errors
    /// [`SecretError::Length`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecretError> {
        Self::checked(Zeroizing::new(bytes.to_vec()))
    }

    /// Reads `whsec_<base64>`; white space around it is not part of it.
    ///
    /// # Errors
    /// [`SecretError`], without the text.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.trim().strip_prefix(SECRET_PREFIX).ok_or(SecretError::Prefix)?;
        Self::checked(Zeroizing::new(encoding::base64_decode(encoded).ok_or(SecretError::Base64)?))
    }

    fn checked(bytes: Zeroizing<Vec<u8>>) -> Result<Self, SecretError> {
        if (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(SecretError::Length { found_bytes: bytes.len() })
        }
    }

    /// The printed form, `whsec_<base64>`: for the operator and for storage, never for a log.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(encoding::base64(&self.0));
        let mut text = Zeroizing::new(String::with_capacity(SECRET_PREFIX.len() + encoded.len()));
        text.push_str(SECRET_PREFIX);
        text.push_str(&encoded);
        text
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.0
    }
}

/// In constant time for secrets of equal length.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret([redacted])")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use kassette_stdx::SeededEntropy;

    use super::*;

    #[test]
    fn a_secret_prints_as_it_was_read() {
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let secret = Secret::parse(&format!(" {text}\n")).unwrap();
        assert_eq!(*secret.reveal(), text);
        assert_eq!(secret.key().len(), 24);
        let made = Secret::generate(&SeededEntropy::new(7));
        assert_eq!(made.key().len(), SECRET_BYTES);
        assert_eq!(Secret::parse(&made.reveal()), Ok(made.clone()));
        assert_ne!(made, secret);
    }

    #[test]
    fn lengths_end_at_24_and_64_bytes() {
        for (bytes, right) in [(0, false), (23, false), (24, true), (32, true), (64, true), (65, false)] {
            let text = format!("{SECRET_PREFIX}{}", encoding::base64(&vec![7; bytes]));
            let expected = if right { None } else { Some(SecretError::Length { found_bytes: bytes }) };
            assert_eq!(Secret::parse(&text).err(), expected, "{bytes} bytes");
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_quoted() {
        for (text, expected) in [
            ("", SecretError::Prefix),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Prefix),
            ("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Prefix),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", SecretError::Base64),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-w", SecretError::Base64),
            ("whsec_AAAA AAAA", SecretError::Base64),
        ] {
            let error = Secret::parse(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("MfKQ"));
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::from_bytes(&[b'A'; 32]).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret([redacted])");
        assert_eq!(format!("{:?}", Some(&[secret])), "Some([Secret([redacted])])");
    }
}
