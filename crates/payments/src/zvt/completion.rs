//! How `06 0F` tells that a command is through (PA00P015, chapter 3).

use std::fmt;

use super::charset::decode_text;
use super::fields::{Fields, encode_lllvar, take_f_digits};

/// The data of a completion. What they are depends on the command, which they do not name; this is told by their form.
#[derive(Clone, PartialEq, Eq)]
pub enum Completion {
    /// Bitmaps, or nothing: of payments, registration (status in BMP 19, terminal id in 29, currency in 49).
    Fields(Fields),
    /// Of a status enquiry: no bitmap before the status byte.
    Status {
        /// Version of the terminal's software.
        software: Option<Vec<u8>>,
        /// Status byte.
        status: u8,
        /// TLV (06).
        fields: Fields,
    },
    /// Something else, kept as it came.
    Opaque(Vec<u8>),
}

impl Completion {
    /// Status bit: the terminal must be initialised.
    pub const INITIALISATION_NEEDED: u8 = 0x01;
    /// Status bit: a diagnosis must be made.
    pub const DIAGNOSIS_NEEDED: u8 = 0x02;
    /// Status bit: keys must be loaded (OPT).
    pub const OPT_NEEDED: u8 = 0x04;

    /// Reads the data of a `06 0F`.
    #[must_use]
    pub fn decode(data: &[u8]) -> Self {
        if let Some(told) = take_f_digits(data, 3).and_then(|(length, rest)| rest.split_at_checked(length)) {
            let (software, rest) = told;
            if let Some((status, rest)) = rest.split_first() {
                let fields = Fields::decode(rest);
                return Self::Status { software: Some(software.to_vec()), status: *status, fields };
            }
        }
        let fields = Fields::decode(data);
        if fields.undecoded_bytes() == 0 {
            return Self::Fields(fields);
        }
        if let Some((status, rest)) = data.split_first() {
            let fields = Fields::decode(rest);
            if fields.undecoded_bytes() == 0 {
                return Self::Status { software: None, status: *status, fields };
            }
        }
        Self::Opaque(data.to_vec())
    }

    /// The data as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Fields(fields) => fields.encode(),
            Self::Status { software, status, fields } => {
                let mut data = software.as_ref().map_or_else(Vec::new, |software| encode_lllvar(software));
                data.push(*status);
                data.extend(fields.encode());
                data
            }
            Self::Opaque(data) => data.clone(),
        }
    }

    /// The bitmaps; `None` when the data are none.
    #[must_use]
    pub fn fields(&self) -> Option<&Fields> {
        match self {
            Self::Fields(fields) | Self::Status { fields, .. } => Some(fields),
            Self::Opaque(_) => None,
        }
    }

    /// The status byte: of a status enquiry, or BMP 19 of a registration. Zero is «all is well».
    #[must_use]
    pub fn terminal_status(&self) -> Option<u8> {
        match self {
            Self::Fields(fields) => fields.payment_type(),
            Self::Status { status, .. } => Some(*status),
            Self::Opaque(_) => None,
        }
    }

    /// Version of the terminal's software, of a status enquiry.
    #[must_use]
    pub fn software(&self) -> Option<String> {
        match self {
            Self::Status { software: Some(software), .. } => Some(decode_text(software, None)),
            _ => None,
        }
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fields(fields) => fields.fmt(formatter),
            Self::Status { status, fields, .. } => {
                write!(formatter, "{:?} status {status:02X} {fields:?}", self.software().unwrap_or_default())
            }
            Self::Opaque(data) => write!(formatter, "[{} bytes]", data.len()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn check(data: &[u8], status: Option<u8>, software: Option<&str>) -> Completion {
        let completion = Completion::decode(data);
        assert_eq!(completion.terminal_status(), status);
        assert_eq!(completion.software().as_deref(), software);
        assert_eq!(completion.encode(), data);
        completion
    }

    /// As terminals send them: after a payment, a registration, three status enquiries, an initialisation.
    #[test]
    fn each_form_is_told_apart() {
        check(&[], None, None);
        let registered = check(&[0x19, 0x10, 0x29, 0x52, 0x52, 0x35, 0x35, 0x49, 0x09, 0x78], Some(0x10), None);
        assert_eq!(registered.fields().unwrap().terminal_id().as_deref(), Some("52523535"));
        let told = [0xF0, 0xF0, 0xF3, b'2', b'.', b'0', 0x00, 0x06, 0x06, 0x1F, 0x44, 0x03, 1, 2, 3];
        let enquired = check(&told, Some(0), Some("2.0"));
        assert!(enquired.fields().unwrap().tlv().is_some());
        check(&[0xF0, 0xF0, 0xF0, 0x04], Some(4), Some(""));
        check(&[0x00], Some(0), None);
        assert_eq!(
            check(b"17FD1E3CGER-APP-v2.0.9", None, None),
            Completion::Opaque(b"17FD1E3CGER-APP-v2.0.9".to_vec())
        );
    }
}
