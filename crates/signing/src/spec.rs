//! What is stored of a unit: one JSON document, written and read by the edge.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::error::KeyFileError;
use crate::unit::UnitKind;

/// The format version that is written here, and the newest that is read.
pub const SPEC_VERSION: u32 = 1;

/// A text that must not be seen: wiped when dropped, and redacted in every `Debug` output.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// A stored unit. The document holds a private key: its file has to have mode 0600. The id of the unit is outside.
///
/// Everything in it is checked by [`open`](crate::open), so a changed document does not become a unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitSpec {
    /// [`SPEC_VERSION`] of the writer.
    pub version: u32,
    /// Where the key lives.
    pub kind: UnitKind,
    /// The provider's id without the algorithm prefix; see [`UnitIdentity`](crate::UnitIdentity).
    pub algorithm_mark: String,
    /// Closed system only: the registered id of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Whether the private key is encrypted, so that opening takes a passphrase.
    pub encrypted: bool,
    /// The private key as PKCS#8 (base64 of DER), encrypted if it was given so.
    pub private_key: SecretText,
    /// The leaf certificate (base64 of DER); absent only in a closed system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The certificates above the leaf (base64 of DER).
    #[serde(default)]
    pub chain: Vec<String>,
    /// Test switch: whether the unit fails when it is opened. Sandbox only.
    #[serde(default)]
    pub failing: bool,
}

/// Only the version, so that a document of a newer format is named as such and not as damaged.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl UnitSpec {
    /// The document as it is stored: JSON, indented, with a newline at its end. It holds the private key.
    ///
    /// # Errors
    /// [`KeyFileError::SpecDamaged`] if it cannot be written as JSON.
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        serde_json::to_writer_pretty(&mut *bytes, self)
            .map_err(|error| KeyFileError::SpecDamaged(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a stored document. Its content is only checked by [`open`](crate::open).
    ///
    /// # Errors
    /// [`KeyFileError::SpecVersion`] for a newer format, [`KeyFileError::SpecDamaged`] for anything unreadable.
    pub fn from_json(bytes: &[u8]) -> Result<Self, KeyFileError> {
        let damaged = |error: serde_json::Error| {
            // Only the place: the text of a serde error may quote what stands there.
            KeyFileError::SpecDamaged(format!("line {}, column {}", error.line(), error.column()))
        };
        let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        check_version(version)?;
        serde_json::from_slice(bytes).map_err(damaged)
    }
}

/// Whether this format is read here.
pub(crate) fn check_version(version: u32) -> Result<(), KeyFileError> {
    match version {
        0 => Err(KeyFileError::SpecDamaged("format version 0".into())),
        1..=SPEC_VERSION => Ok(()),
        found => Err(KeyFileError::SpecVersion { found, readable: SPEC_VERSION }),
    }
}
