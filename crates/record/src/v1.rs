//! Version 1 of the byte form. It stays for ever; a change of the form is a new module beside this one.
//!
//! Header (all integers little-endian; the hash of a record is SHA-256 over exactly these bytes):
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 2 | version = 1 |
//! | 2 | 2 | kind: 1 configured, 2 operation, 3 intent, 4 outcome, 5 administration |
//! | 4 | 4 | flags: bit 0 has a request body, bit 1 has a response body |
//! | 8 | 16 | cash box id |
//! | 24 | 8 | journal row, from 1, dense per cash box |
//! | 32 | 32 | hash of the previous record of this cash box; zeros for row 1 |
//! | 64 | 32 | SHA-256(request salt ‖ request body); zeros without one |
//! | 96 | 32 | SHA-256(response salt ‖ response body); zeros without one |
//! | 128 | rest | details as JSON, UTF-8 |
//!
//! Bodies: request salt (16), response salt (16), length of the request body (4), length of the response body (4), request
//! body, response body. This part may later be replaced by zeros, whole.

use kassette_model::CashBoxId;

use crate::sealed::{Bodies, Erasable, RecordError, RecordKind};
use crate::{Details, Hash, Record, salted};

/// The version number in the first two bytes.
pub const VERSION: u16 = 1;
/// Length of the fixed part of a header.
pub const FIXED_BYTES: usize = 128;
/// Length of the fixed part of the bodies.
pub const BODIES_FIXED_BYTES: usize = 40;

const FLAG_REQUEST: u32 = 1;
const FLAG_RESPONSE: u32 = 2;

/// The fixed fields of a header, read without touching the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// What kind of record.
    pub kind: RecordKind,
    /// Presence of bodies.
    pub flags: u32,
    /// Whose record.
    pub cash_box: CashBoxId,
    /// Journal row.
    pub row: u64,
    /// Link to the previous record.
    pub previous: Hash,
    /// Salted hash of the request body.
    pub request_hash: Hash,
    /// Salted hash of the response body.
    pub response_hash: Hash,
}

impl Fixed {
    /// Whether the record has a request body (perhaps erased by now).
    #[must_use]
    pub const fn has_request(&self) -> bool {
        self.flags & FLAG_REQUEST != 0
    }

    /// Whether the record has a response body (perhaps erased by now).
    #[must_use]
    pub const fn has_response(&self) -> bool {
        self.flags & FLAG_RESPONSE != 0
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], RecordError> {
    at.checked_add(N)
        .and_then(|end| bytes.get(at..end))
        .and_then(|part| part.try_into().ok())
        .ok_or(RecordError::TooShort { wanted: at.saturating_add(N), found: bytes.len() })
}

/// Reads the fixed part.
///
/// # Errors
/// When the header is too short, of another version, or of an unknown kind.
pub fn read_fixed(header: &[u8]) -> Result<Fixed, RecordError> {
    let version = u16::from_le_bytes(array(header, 0)?);
    if version != VERSION {
        return Err(RecordError::Version(version));
    }
    Ok(Fixed {
        kind: RecordKind::from_number(u16::from_le_bytes(array(header, 2)?))?,
        flags: u32::from_le_bytes(array(header, 4)?),
        cash_box: CashBoxId::from_bytes(array(header, 8)?),
        row: u64::from_le_bytes(array(header, 24)?),
        previous: Hash(array(header, 32)?),
        request_hash: Hash(array(header, 64)?),
        response_hash: Hash(array(header, 96)?),
    })
}

/// Reads the details.
///
/// # Errors
/// When the header is too short or the details are not the JSON of [`Details`].
pub fn read_details(header: &[u8]) -> Result<Details, RecordError> {
    let text = header.get(FIXED_BYTES..).ok_or(RecordError::TooShort { wanted: FIXED_BYTES, found: header.len() })?;
    serde_json::from_slice(text).map_err(|error| RecordError::Details(error.to_string()))
}

/// Writes a header.
///
/// # Errors
/// When the details cannot be written as JSON.
pub(crate) fn write_header(record: &Record, row: u64, previous: Hash) -> Result<Vec<u8>, RecordError> {
    let (mut flags, mut request_hash, mut response_hash) = (0, Hash::ZERO, Hash::ZERO);
    if let Some(body) = &record.bodies.request {
        flags |= FLAG_REQUEST;
        request_hash = salted(&record.bodies.request_salt, body);
    }
    if let Some(body) = &record.bodies.response {
        flags |= FLAG_RESPONSE;
        response_hash = salted(&record.bodies.response_salt, body);
    }
    let mut header = Vec::with_capacity(FIXED_BYTES + 1024);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&record.kind.number().to_le_bytes());
    header.extend_from_slice(&flags.to_le_bytes());
    header.extend_from_slice(&record.cash_box.bytes());
    header.extend_from_slice(&row.to_le_bytes());
    header.extend_from_slice(&previous.0);
    header.extend_from_slice(&request_hash.0);
    header.extend_from_slice(&response_hash.0);
    serde_json::to_writer(&mut header, &record.details).map_err(|error| RecordError::Details(error.to_string()))?;
    Ok(header)
}

/// Writes the bodies.
///
/// # Errors
/// When a body does not fit 32 bits of length.
pub(crate) fn write_bodies(bodies: &Bodies) -> Result<Vec<u8>, RecordError> {
    let request = bodies.request.as_deref().unwrap_or_default();
    let response = bodies.response.as_deref().unwrap_or_default();
    let length = |body: &[u8]| u32::try_from(body.len()).map_err(|_| RecordError::BodyTooLong(body.len()));
    let mut out = Vec::with_capacity(BODIES_FIXED_BYTES + request.len() + response.len());
    out.extend_from_slice(&bodies.request_salt);
    out.extend_from_slice(&bodies.response_salt);
    out.extend_from_slice(&length(request)?.to_le_bytes());
    out.extend_from_slice(&length(response)?.to_le_bytes());
    out.extend_from_slice(request);
    out.extend_from_slice(response);
    Ok(out)
}

/// Reads the bodies; all zeros means that they were erased.
///
/// # Errors
/// When lengths do not add up or a body does not match its hash in the header.
pub fn read_bodies(fixed: &Fixed, bytes: &[u8]) -> Result<Erasable, RecordError> {
    if bytes.iter().all(|byte| *byte == 0) && (fixed.has_request() || fixed.has_response()) {
        return Ok(Erasable::Erased);
    }
    let request_salt = array(bytes, 0)?;
    let response_salt = array(bytes, 16)?;
    let request_length = u32::from_le_bytes(array(bytes, 32)?) as usize;
    let response_length = u32::from_le_bytes(array(bytes, 36)?) as usize;
    let middle = BODIES_FIXED_BYTES.saturating_add(request_length);
    let end = middle.saturating_add(response_length);
    if end != bytes.len() {
        return Err(RecordError::Lengths { said: end, found: bytes.len() });
    }
    let request = bytes.get(BODIES_FIXED_BYTES..middle).unwrap_or_default();
    let response = bytes.get(middle..end).unwrap_or_default();
    let check = |present: bool, salt: &[u8; 16], body: &[u8], hash: Hash, name: &'static str| {
        let fits = if present { salted(salt, body) == hash } else { body.is_empty() && hash == Hash::ZERO };
        if fits { Ok(present.then(|| body.to_vec())) } else { Err(RecordError::BodyHash(name)) }
    };
    Ok(Erasable::Kept(Bodies {
        request: check(fixed.has_request(), &request_salt, request, fixed.request_hash, "request")?,
        response: check(fixed.has_response(), &response_salt, response, fixed.response_hash, "response")?,
        request_salt,
        response_salt,
    }))
}
