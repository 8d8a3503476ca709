//! Reading PKCS#8 private keys (RFC 5958), plain or encrypted with PBES2 (RFC 8018 §6.2).

use pkcs8::der::Decode;
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::error::KeyFileError;
use crate::p256::{EC_PUBLIC_KEY, P256_CURVE, SigningKey};
use crate::pem;

/// Largest accepted key file, in bytes.
const MAX_KEY_FILE_BYTES: usize = 64 * 1024;
/// Most rounds of PBKDF2 that are run to open a key: about 15 times what OWASP asks for.
const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;
/// Most memory that scrypt may take to open a key, in bytes (128 · N · r).
const MAX_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;
/// Most lanes of scrypt, each as long as the first.
const MAX_SCRYPT_LANES: u16 = 16;

/// The DER of a PKCS#8 key as it was given, and whether it is encrypted.
pub(crate) struct Pkcs8 {
    pub(crate) der: Zeroizing<Vec<u8>>,
    pub(crate) encrypted: bool,
}

/// Finds the PKCS#8 key in a key file: PEM (the first private key in it) or DER.
pub(crate) fn read_pkcs8(file: &[u8]) -> Result<Pkcs8, KeyFileError> {
    if file.len() > MAX_KEY_FILE_BYTES {
        return Err(KeyFileError::TooLarge {
            what: "the key file",
            found_bytes: file.len(),
            limit_bytes: MAX_KEY_FILE_BYTES,
        });
    }
    if let Some(text) = std::str::from_utf8(file).ok().filter(|_| pem::is_pem(file)) {
        let block = pem::blocks(text)
            .into_iter()
            .find(|block| block.label.ends_with("PRIVATE KEY"))
            .ok_or(KeyFileError::NoPrivateKey)?;
        let encrypted = match block.label {
            "PRIVATE KEY" => false,
            "ENCRYPTED PRIVATE KEY" => true,
            other => return Err(KeyFileError::NotPkcs8 { label: other.to_owned() }),
        };
        let der = block.content.ok_or_else(|| KeyFileError::KeyUnusable("damaged PEM block".into()))?;
        return Ok(Pkcs8 { der, encrypted });
    }
    let der = Zeroizing::new(file.to_vec());
    if EncryptedPrivateKeyInfoRef::from_der(&der).is_ok() {
        Ok(Pkcs8 { der, encrypted: true })
    } else if PrivateKeyInfoRef::from_der(&der).is_ok() {
        Ok(Pkcs8 { der, encrypted: false })
    } else {
        Err(KeyFileError::NoPrivateKey)
    }
}

/// Decrypts if needed and loads the key. A passphrase for a plain key is not looked at.
pub(crate) fn load(key: &Pkcs8, passphrase: Option<&str>) -> Result<SigningKey, KeyFileError> {
    if !key.encrypted {
        return load_plain(&key.der);
    }
    let info = EncryptedPrivateKeyInfoRef::from_der(&key.der)
        .map_err(|error| KeyFileError::UnsupportedEncryption(error.to_string()))?;
    check_cost(&info)?;
    let passphrase = passphrase.ok_or(KeyFileError::PassphraseMissing)?;
    let plain = info.decrypt(passphrase).map_err(|error| match error {
        // With a wrong passphrase the padding is wrong, or (once in 256) right by chance and the content is no DER.
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_) => {
            KeyFileError::WrongPassphrase
        }
        other => KeyFileError::UnsupportedEncryption(other.to_string()),
    })?;
    // Something that decrypts to no PKCS#8 at all was decrypted with another key.
    PrivateKeyInfoRef::from_der(plain.as_bytes()).map_err(|_| KeyFileError::WrongPassphrase)?;
    load_plain(plain.as_bytes())
}

fn load_plain(der: &[u8]) -> Result<SigningKey, KeyFileError> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|error| KeyFileError::KeyUnusable(error.to_string()))?;
    let algorithm = info.algorithm.oid;
    let curve = info.algorithm.parameters_oid().ok();
    if algorithm != EC_PUBLIC_KEY || curve != Some(P256_CURVE) {
        let found = match curve {
            Some(curve) => format!("algorithm {algorithm}, curve {curve}"),
            None => format!("algorithm {algorithm}"),
        };
        return Err(KeyFileError::NotP256 { what: "the private key", found });
    }
    SigningKey::from_pkcs8(der)
}

/// The file says how much work opening it takes; this says how much is done for it.
fn check_cost(info: &EncryptedPrivateKeyInfoRef<'_>) -> Result<(), KeyFileError> {
    let Some(parameters) = info.encryption_algorithm.pbes2() else {
        return Err(KeyFileError::UnsupportedEncryption("PBES1".into()));
    };
    let too_costly = match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count > MAX_PBKDF2_ROUNDS,
        Kdf::Scrypt(scrypt) => {
            let block_bytes = u64::from(scrypt.block_size).saturating_mul(128);
            block_bytes.saturating_mul(scrypt.cost_parameter) > MAX_SCRYPT_BYTES
                || scrypt.parallelization > MAX_SCRYPT_LANES
        }
        other => return Err(KeyFileError::UnsupportedEncryption(format!("key derivation {}", other.oid()))),
    };
    if too_costly {
        return Err(KeyFileError::UnsupportedEncryption("its key derivation costs too much".into()));
    }
    Ok(())
}
