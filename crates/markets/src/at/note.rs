//! What a record keeps for the exports: the JWS, and which key and unit made it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Room for the names of the members and a unit's id.
const MEMBERS_BYTES_USUAL: usize = 96;

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
        let mut note = Vec::with_capacity(self.jws.len() + self.key.len() + MEMBERS_BYTES_USUAL);
        #[expect(clippy::expect_used, reason = "three texts have a JSON form, and JSON is UTF-8")]
        serde_json::to_writer(&mut note, self)
            .ok()
            .and_then(|()| String::from_utf8(note).ok())
            .expect("a note can be written")
            .into_boxed_str()
    }

    /// Reads a note.
    pub(crate) fn parse(note: &'a RawValue) -> Result<Self, String> {
        serde_json::from_str(note.get()).map_err(|e| format!("the market's note cannot be read: {e}"))
    }
}
