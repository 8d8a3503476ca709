//! Field 12, Sig-Voriger-Beleg: how each receipt of a register is bound to the one before (RKSV §9, Anlage).

use kassette_stdx::encoding::{base64, base64_decode};
use sha2::{Digest, Sha256};

/// Length of the chain value in bytes; part of the algorithm mark `R1`.
const CHAIN_BYTES: usize = 8;

/// The first eight bytes of a SHA-256, which is all that a register must remember of the receipt before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChainValue([u8; CHAIN_BYTES]);

impl ChainValue {
    /// For the first receipt of a register: hash of its Kassen-ID.
    #[must_use]
    pub(crate) fn first(kassen_id: &str) -> Self {
        Self::hash(kassen_id.as_bytes())
    }

    /// For every other receipt: hash of the previous receipt's whole JWS, outage and training included.
    #[must_use]
    pub(crate) fn after(jws_compact: &str) -> Self {
        Self::hash(jws_compact.as_bytes())
    }

    fn hash(bytes: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        Self([a, b, c, d, e, f, g, h])
    }

    /// As it stands in the code: 12 characters.
    #[must_use]
    pub(crate) fn text(self) -> String {
        base64(&self.0)
    }

    /// Reads [`ChainValue::text`].
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        base64_decode(text)?.try_into().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answer of `turnover-kat.json` (made with openssl and Python).
    #[test]
    fn the_start_of_the_demo_register() {
        assert_eq!(ChainValue::first("CASHBOX-DEMO-1").text(), "cg8hNU5ihto=");
        assert_eq!(ChainValue::parse("cg8hNU5ihto="), Some(ChainValue::first("CASHBOX-DEMO-1")));
        assert_eq!(ChainValue::parse("cg8hNU5ihg=="), None);
    }
}
