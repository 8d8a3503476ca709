//! Access tokens: made here, shown once, kept by others only as a keyed hash. Their form is described in docs/operations.md.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use kassette_model::Environment;
use kassette_stdx::Entropy;
use kassette_stdx::encoding::{base64url, hex, hex_decode};
use sha2::Sha256;

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

/// An access token in clear. It leaves the process once, to the operator who asked for it.
pub struct AccessToken(String);

impl AccessToken {
    /// Makes a token: `kst_test_` (sandbox) or `kst_live_` (production) and 256 random bits in base64url. The prefix lets a
    /// secret scanner find a leaked one, and tells the two environments apart at a glance.
    #[must_use]
    pub fn mint(environment: Environment, entropy: &dyn Entropy) -> Self {
        let mut random = [0; TOKEN_BYTES];
        entropy.fill(&mut random);
        let prefix = match environment {
            Environment::Sandbox => "kst_test_",
            Environment::Production => "kst_live_",
        };
        Self(format!("{prefix}{}", base64url(&random)))
    }

    /// The token in clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken([redacted])")
    }
}

/// The server's key for hashing tokens: who has the journal but not the pepper cannot even test a guess.
#[derive(Clone)]
pub struct Pepper([u8; 32]);

impl Pepper {
    /// A new pepper.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Reads [`Pepper::to_hex`]; `None` when it is not 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex_decode(text.trim())?.try_into().ok().map(Self)
    }

    /// 64 hexadecimal digits, as in the key folder.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// HMAC-SHA256 of a token under this pepper; tokens have 256 random bits, so that a fast hash is enough.
    #[must_use]
    pub fn mac(&self, token: &str) -> [u8; 32] {
        // Any length is a valid HMAC key, and this one is fixed; an empty result could never match a stored entry.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        mac.update(token.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper([redacted])")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use kassette_stdx::SeededEntropy;

    use super::*;

    #[test]
    fn a_token_tells_its_environment_and_has_256_bits() {
        let entropy = SeededEntropy::new(1);
        for (environment, prefix) in [(Environment::Sandbox, "kst_test_"), (Environment::Production, "kst_live_")] {
            let token = AccessToken::mint(environment, &entropy);
            let random = token.expose().strip_prefix(prefix).unwrap();
            assert_eq!(kassette_stdx::encoding::base64url_decode(random).unwrap().len(), TOKEN_BYTES);
            assert_eq!(format!("{token:?}"), "AccessToken([redacted])");
        }
    }

    /// The known value was made with `openssl dgst -sha256 -mac HMAC -macopt hexkey:0b0b…` over "Hi There".
    #[test]
    fn the_hash_is_hmac_sha256_under_the_pepper() {
        let pepper = Pepper::from_hex(&"0b".repeat(32)).unwrap();
        assert_eq!(hex(&pepper.mac("Hi There")), KNOWN);
        assert_ne!(pepper.mac("Hi There"), pepper.mac("Hi there"));
        assert_eq!(Pepper::from_hex(&pepper.to_hex()).unwrap().mac("a"), pepper.mac("a"));
        assert!(Pepper::from_hex("0b0b").is_none());
        assert_eq!(format!("{pepper:?}"), "Pepper([redacted])");
    }

    const KNOWN: &str = "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7";
}
