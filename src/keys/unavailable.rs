//! A signature creation unit of a configuration that cannot be opened now.

use kassette_cashbox::UnitEntry;
use kassette_signing::{SIGNATURE_BYTES, SignatureUnit, UnitFault, UnitIdentity, UnitKind};
use kassette_stdx::encoding::base64_decode;

/// Stands where the unit would stand, and never signs: the cash box goes on with its next unit, or in the failure mode of its
/// market (in Austria RKSV § 17 (4): a failed unit must not stop the register).
pub(super) struct UnavailableUnit {
    identity: UnitIdentity,
    reason: String,
}

impl UnavailableUnit {
    /// In the place of `entry`; `reason` is for the operator and holds no key material.
    pub(super) fn new(entry: &UnitEntry, reason: String) -> Self {
        // Where a certificate is, its serial is the name of the key; in a closed system the key has an id.
        let (serial, key_id) = match entry.certificate_base64 {
            Some(_) => (entry.key_name.clone(), None),
            None => (String::new(), Some(entry.key_name.clone())),
        };
        let identity = UnitIdentity {
            kind: if entry.sandbox { UnitKind::Sandbox } else { UnitKind::KeyFile },
            algorithm_mark: entry.algorithm_mark.clone(),
            certificate_serial_hex: serial,
            key_id,
            certificate_der: entry.certificate_base64.as_deref().and_then(base64_decode),
            chain_der: entry.chain_base64.iter().filter_map(|text| base64_decode(text)).collect(),
            public_key_spki_der: base64_decode(&entry.public_key_base64).unwrap_or_default(),
        };
        Self { identity, reason }
    }
}

impl SignatureUnit for UnavailableUnit {
    fn sign(&self, _message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], UnitFault> {
        Err(UnitFault::Unavailable(self.reason.clone()))
    }

    fn identity(&self) -> &UnitIdentity {
        &self.identity
    }

    fn probe(&self) -> Result<(), UnitFault> {
        Err(UnitFault::Unavailable(self.reason.clone()))
    }
}
