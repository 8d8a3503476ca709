//! The signature creation unit as its users see it.

use serde::{Deserialize, Serialize};

use crate::p256::SIGNATURE_BYTES;

/// Signs receipts. One unit may serve many cash boxes at once.
pub trait SignatureUnit: Send + Sync {
    /// Signs `message` with ES256: the raw `r || s`, 32 bytes each, big endian (RFC 7518 §3.4).
    ///
    /// # Errors
    /// [`UnitFault::Unavailable`] when a later try may succeed, [`UnitFault::Refused`] when the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], UnitFault>;

    /// Who signs: the marks and the certificate. Constant as long as the unit is open.
    fn identity(&self) -> &UnitIdentity;

    /// Says whether the unit could sign now, without signing anything.
    ///
    /// # Errors
    /// As [`SignatureUnit::sign`].
    fn probe(&self) -> Result<(), UnitFault>;

    /// Test switch: makes a sandbox unit fail, or work again.
    ///
    /// # Errors
    /// [`UnitFault::Refused`] for every unit that is not a sandbox unit: a real key has no such switch.
    fn set_failing(&self, failing: bool) -> Result<(), UnitFault> {
        let wanted = if failing { "fail" } else { "recover" };
        Err(UnitFault::Refused(format!("only a sandbox unit can be made to {wanted}")))
    }
}

/// Why a unit did not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitFault {
    /// The unit does not answer now and may come back: the market's failure mode applies.
    #[error("signature creation unit not available: {0}")]
    Unavailable(String),
    /// The unit will not do this, now or later: the key is unusable, or the act is not for this kind of unit.
    #[error("signature creation unit refused: {0}")]
    Refused(String),
}

/// Where the private key of a unit lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UnitKind {
    /// A key and a self-signed certificate made here; receipts signed with it are not fiscally valid.
    Sandbox,
    /// A PKCS#8 key file with the certificate of a trust service provider, or a registered key of a closed system.
    KeyFile,
}

impl UnitKind {
    /// Whether receipts of this unit are without fiscal value. Production does not take such a unit.
    #[must_use]
    pub fn is_sandbox(self) -> bool {
        matches!(self, Self::Sandbox)
    }
}

/// Who signs: everything public about a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitIdentity {
    /// Where the key lives.
    pub kind: UnitKind,
    /// The provider's id without the algorithm prefix: `AT1`, `AT2`, `AT0` (closed system), `AT100` (sandbox).
    pub algorithm_mark: String,
    /// The certificate's serial number as [`CertificateFacts::serial_hex`](crate::CertificateFacts) writes it; empty when
    /// a closed system has no certificate.
    pub certificate_serial_hex: String,
    /// Closed system only: the registered id of the key, such as `U:ATU12345678-K1`, which stands on the receipt in
    /// place of a certificate serial.
    pub key_id: Option<String>,
    /// The leaf certificate (X.509 DER); `None` only in a closed system.
    pub certificate_der: Option<Vec<u8>>,
    /// The certificates above the leaf, in the order in which they were given (DER).
    pub chain_der: Vec<Vec<u8>>,
    /// The public key as `SubjectPublicKeyInfo` (RFC 5280 §4.1, DER), with an uncompressed point.
    pub public_key_spki_der: Vec<u8>,
}
