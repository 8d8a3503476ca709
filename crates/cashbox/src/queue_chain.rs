//! The queue chain: `ftReceiptHash` of journal type 0002 (contract 6.2).
//!
//! `hash = base64(SHA256(previous ‖ id ‖ ticks ‖ number ‖ request ‖ response))`: the hash before as bytes (nothing for the
//! first entry), the receipt journal id in the byte order of .NET (first three groups little-endian), `ftReceiptMoment` in
//! ticks and the receipt number after increment as little-endian `i64`, SHA-256 of request and response text as bytes.

use kassette_record::Hash;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What enters one link.
pub(crate) struct Link<'a> {
    /// `ftReceiptHash` of the entry before; `None` for the first.
    pub(crate) previous: Option<Hash>,
    /// `ftReceiptJournalId`.
    pub(crate) id: Uuid,
    /// `ftReceiptMoment`, .NET ticks.
    pub(crate) ticks: i64,
    /// `ftReceiptNumber`, the numerator after increment.
    pub(crate) number: u64,
    /// Request text as stored.
    pub(crate) request: &'a [u8],
    /// Response text as stored.
    pub(crate) response: &'a [u8],
}

impl Link<'_> {
    /// `ftReceiptHash`; it is shown as standard base64.
    pub(crate) fn hash(&self) -> Hash {
        let mut digest = Sha256::new();
        if let Some(previous) = self.previous {
            digest.update(previous.0);
        }
        digest.update(self.id.to_bytes_le());
        digest.update(self.ticks.to_le_bytes());
        digest.update(i64::try_from(self.number).unwrap_or(i64::MAX).to_le_bytes());
        digest.update(Sha256::digest(self.request));
        digest.update(Sha256::digest(self.response));
        Hash(digest.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use kassette_stdx::encoding::base64;

    use super::*;

    /// Expected values from a Python script over the recipe of contract 6.2 (`hashlib`, `uuid.bytes_le`, `struct`).
    #[test]
    fn known_answers() {
        let id = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        let first = Link {
            previous: None,
            id,
            ticks: 639_082_017_348_123_456,
            number: 1,
            request: br#"{"cbReceiptReference":"R-1"}"#,
            response: "{\"ftState\":4707422694881099776,\"x\":\"ä\"}".as_bytes(),
        }
        .hash();
        assert_eq!(base64(&first.0), "h9tpM31qPKYLVWQisNFbZinzqjo7rG0igCqh5SAIaZQ=");
        let second = Link {
            previous: Some(first),
            id: Uuid::from_u128(0xffee_ddcc_bbaa_9988_7766_5544_3322_1100),
            ticks: 639_082_017_348_123_457,
            number: 0x1_0000_0002,
            request: b"{}",
            response: b"{}",
        }
        .hash();
        assert_eq!(base64(&second.0), "JYGWjbMJ2K3jNuYbcLE4b6mdQXJpTha81YkZrcE90B0=");
    }
}
