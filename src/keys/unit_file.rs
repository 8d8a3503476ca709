//! A signature creation unit as it lies in the key folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kassette_cashbox::UnitEntry;
use kassette_model::UnitId;
use kassette_signing::{SignatureUnit, UnitIdentity, UnitSpec};
use kassette_stdx::encoding::base64;

use super::folder::KeyError;
use super::private_file;

/// Longest accepted name of an environment variable, in characters.
const PASSPHRASE_ENV_CHARS_MAX: usize = 128;

/// A unit on disk: its document, and the name of the environment variable with its passphrase.
#[derive(Debug)]
pub struct StoredUnit {
    /// The document with the private key.
    pub spec: UnitSpec,
    /// Name of the variable; the passphrase itself is never stored.
    pub passphrase_env: Option<String>,
}

impl StoredUnit {
    /// Opens the unit. `passphrase` is used when it is given, else the environment variable is read.
    pub(super) fn open(&self, id: UnitId, passphrase: Option<&str>) -> Result<Arc<dyn SignatureUnit>, KeyError> {
        let from_environment = match (passphrase, &self.passphrase_env) {
            (None, Some(name)) if self.spec.encrypted => {
                Some(std::env::var(name).map_err(|_| KeyError::PassphraseEnv { unit: id, name: name.clone() })?)
            }
            _ => None,
        };
        kassette_signing::open(&self.spec, passphrase.or(from_environment.as_deref()))
            .map_err(|error| KeyError::Unit { unit: id, error })
    }

    pub(super) fn read(folder: &Path, id: UnitId) -> Result<Self, KeyError> {
        let path = document(folder, id);
        let bytes = private_file::read(&path).map_err(|error| KeyError::file(&path, error))?;
        let bytes = bytes.ok_or(KeyError::NoUnit(id))?;
        let spec = UnitSpec::from_json(&bytes).map_err(|error| KeyError::Unit { unit: id, error })?;
        let path = passphrase_env(folder, id);
        let name = private_file::read(&path).map_err(|error| KeyError::file(&path, error))?;
        let passphrase_env = match name {
            Some(bytes) => {
                let name = String::from_utf8_lossy(&bytes).trim().to_owned();
                Some(check_passphrase_env(&name)?.to_owned())
            }
            None => None,
        };
        Ok(Self { spec, passphrase_env })
    }

    pub(super) fn write(&self, folder: &Path, id: UnitId) -> Result<(), KeyError> {
        // The name first: a document without it could not be opened after a crash in between.
        if let Some(name) = &self.passphrase_env {
            let path = passphrase_env(folder, id);
            let text = format!("{}\n", check_passphrase_env(name)?);
            private_file::write(&path, text.as_bytes()).map_err(|error| KeyError::file(&path, error))?;
        }
        let json = self.spec.to_json().map_err(|error| KeyError::Unit { unit: id, error })?;
        let path = document(folder, id);
        private_file::write(&path, &json).map_err(|error| KeyError::file(&path, error))
    }

    pub(super) fn remove(folder: &Path, id: UnitId) -> Result<(), KeyError> {
        for path in [document(folder, id), passphrase_env(folder, id)] {
            private_file::remove(&path).map_err(|error| KeyError::file(&path, error))?;
        }
        Ok(())
    }
}

fn document(folder: &Path, id: UnitId) -> PathBuf {
    folder.join(format!("{id}.json"))
}

fn passphrase_env(folder: &Path, id: UnitId) -> PathBuf {
    folder.join(format!("{id}.passphrase-env"))
}

/// Names that a shell can set: letters, digits and `_`, not starting with a digit.
fn check_passphrase_env(name: &str) -> Result<&str, KeyError> {
    let good = !name.is_empty()
        && name.len() <= PASSPHRASE_ENV_CHARS_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    if good { Ok(name) } else { Err(KeyError::PassphraseEnvName(name.to_owned())) }
}

/// The public side of a unit for the configuration of a cash box.
pub(super) fn entry(id: UnitId, identity: &UnitIdentity) -> UnitEntry {
    UnitEntry {
        id,
        sandbox: identity.kind.is_sandbox(),
        algorithm_mark: identity.algorithm_mark.clone(),
        key_name: identity.key_id.clone().unwrap_or_else(|| identity.certificate_serial_hex.clone()),
        certificate_base64: identity.certificate_der.as_deref().map(base64),
        chain_base64: identity.chain_der.iter().map(|der| base64(der)).collect(),
        public_key_base64: base64(&identity.public_key_spki_der),
        retired: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_variables_are_those_a_shell_can_set() {
        for good in ["KEY", "_k1", "KASSETTE_UNIT_1"] {
            assert!(check_passphrase_env(good).is_ok(), "{good}");
        }
        for bad in ["", "1KEY", "A B", "A=B", "Ä", "A\n"] {
            assert!(check_passphrase_env(bad).is_err(), "{bad}");
        }
        assert!(check_passphrase_env(&"A".repeat(PASSPHRASE_ENV_CHARS_MAX + 1)).is_err());
    }
}
