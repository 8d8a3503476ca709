//! Salts and ids from the one random seed of a step, so that the same facts give the same record.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// 32 bytes for one purpose: SHA-256(seed ‖ label).
pub(crate) fn derive(seed: &[u8; 32], label: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(seed);
    digest.update(label.as_bytes());
    digest.finalize().into()
}

/// The first `N` of the bytes for one purpose; `N` is at most 32.
pub(crate) fn derive_bytes<const N: usize>(seed: &[u8; 32], label: &str) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(derive(seed, label)) {
        *to = from;
    }
    out
}

/// A random UUID (version 4) for one purpose.
pub(crate) fn derive_uuid(seed: &[u8; 32], label: &str) -> Uuid {
    uuid::Builder::from_random_bytes(derive_bytes(seed, label)).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_label_has_its_own_bytes() {
        let seed = [7; 32];
        assert_eq!(derive(&seed, "a"), derive(&seed, "a"));
        assert_ne!(derive(&seed, "a"), derive(&seed, "b"));
        assert_ne!(derive(&seed, "a"), derive(&[8; 32], "a"));
        assert_eq!(derive_uuid(&seed, "a").get_version_num(), 4);
    }
}
