//! The hashes of the journal chain.

use std::fmt;

use kassette_model::CashBoxId;
use sha2::{Digest, Sha256};

/// A SHA-256 value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The link of a cash box's first record.
    pub const ZERO: Self = Self([0; 32]);

    /// SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Lower-case hexadecimal.
    #[must_use]
    pub fn hex(&self) -> String {
        kassette_stdx::encoding::hex(&self.0)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

/// SHA-256 of salt and body: what the chain commits to. The salt keeps a short body from being guessed after erasure.
#[must_use]
pub fn salted(salt: &[u8; 16], body: &[u8]) -> Hash {
    let mut digest = Sha256::new();
    digest.update(salt);
    digest.update(body);
    Hash(digest.finalize().into())
}

/// Eight bytes that stand for a receipt reference of one cash box in the index: the first 64 bits of
/// SHA-256(cash box id ‖ reference). Collisions are possible; a look-up compares the record itself.
#[must_use]
pub fn reference_key(cash_box: CashBoxId, reference: &str) -> u64 {
    let mut digest = Sha256::new();
    digest.update(cash_box.bytes());
    digest.update(reference.as_bytes());
    let hash: [u8; 32] = digest.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
