//! The unit whose key came from a file: a certificate of a trust service provider, or a registered key.

use kassette_stdx::encoding::base64;

use crate::certificate;
use crate::error::KeyFileError;
use crate::open;
use crate::p256::{SIGNATURE_BYTES, SigningKey};
use crate::private_key;
use crate::spec::{SPEC_VERSION, SecretText, UnitSpec};
use crate::unit::{SignatureUnit, UnitFault, UnitIdentity, UnitKind};

/// Signs with a key that is in memory as long as the unit is open.
pub struct KeyFileUnit {
    key: SigningKey,
    identity: UnitIdentity,
}

impl KeyFileUnit {
    pub(crate) fn new(key: SigningKey, identity: UnitIdentity) -> Self {
        Self { key, identity }
    }
}

impl SignatureUnit for KeyFileUnit {
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], UnitFault> {
        self.key.sign(message)
    }

    fn identity(&self) -> &UnitIdentity {
        &self.identity
    }

    /// Always well: the key was checked when the unit was opened, and nothing outside memory takes part.
    fn probe(&self) -> Result<(), UnitFault> {
        Ok(())
    }
}

/// Takes over a key file: `key_file` is PKCS#8 (PEM or DER, plain or encrypted), `certificates` a PEM bundle with the
/// signer's certificate first or one DER certificate; a closed system may have none (empty). `algorithm` is the mark
/// without its prefix (`AT1`), `key_id` the registered id of the key in a closed system.
///
/// The spec keeps the key as it was given: an encrypted key stays encrypted and opening takes the passphrase again. A
/// passphrase for a plain key is not looked at. Validity and signatures of the certificates are not judged.
///
/// # Errors
/// Each refusal of [`KeyFileError`] that names the key, the passphrase, the certificates, the mark or the key id.
pub fn import_key_file(
    key_file: &[u8],
    passphrase: Option<&str>,
    certificates: &[u8],
    algorithm: &str,
    key_id: Option<&str>,
) -> Result<UnitSpec, KeyFileError> {
    let pkcs8 = private_key::read_pkcs8(key_file)?;
    let mut bundle = certificate::read_bundle(certificates)?.into_iter().map(|(der, _)| base64(&der));
    let spec = UnitSpec {
        version: SPEC_VERSION,
        kind: UnitKind::KeyFile,
        algorithm_mark: algorithm.to_owned(),
        key_id: key_id.map(str::to_owned),
        encrypted: pkcs8.encrypted,
        private_key: SecretText::new(base64(&pkcs8.der)),
        certificate: bundle.next(),
        chain: bundle.collect(),
        failing: false,
    };
    // One set of rules: what is stored is what opens.
    open::open(&spec, passphrase)?;
    Ok(spec)
}
