//! What a record keeps for the exports: the JWS, and which key and unit made it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The note of one receipt with a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note<'a> {
    /// `header.payload.signature`.
    pub(crate) jws: Cow<'a, str>,
    /// Field 11: certificate serial or key id.
    pub(crate) key: Cow<'a, str>,
    /// The unit that signed; absent on a receipt with the outage text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<Cow<'a, str>>,
}

impl<'a> Note<'a> {
    /// Writes the note.
    #[must_use]
    pub(crate) fn write(&self) -> Box<str> {
        #[expect(clippy::expect_used, reason = "three texts have a JSON form")]
        serde_json::to_string(self).expect("a note can be written").into_boxed_str()
    }

    /// Reads a note.
    pub(crate) fn parse(note: &'a RawValue) -> Result<Self, String> {
        serde_json::from_str(note.get()).map_err(|e| format!("the market's note cannot be read: {e}"))
    }
}
