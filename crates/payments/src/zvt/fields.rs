//! The bitmaps of a message: an ordered list of numbers with values (PA00P015, chapter on bitmaps).

use std::fmt;

use thiserror::Error;

use super::bcd;
use super::bitmap::{Length, length_of};
use super::tlv::{Container, encode_length, take_length};

/// Marks a byte that tells a decimal digit of an LLVAR or LLLVAR length.
const F: u8 = 0xF0;

/// Why a value fits no bitmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FieldError {
    /// No bitmap has this number.
    #[error("there is no bitmap {bmp:02X}")]
    Unknown {
        /// The number.
        bmp: u8,
    },
    /// The value is longer or shorter than the bitmap's form admits.
    #[error("bitmap {bmp:02X} does not hold {bytes} bytes")]
    Length {
        /// The number of the bitmap.
        bmp: u8,
        /// Length of the value.
        bytes: usize,
    },
    /// The number has more digits than the bitmap.
    #[error("bitmap {bmp:02X} has not so many digits")]
    Digits {
        /// The number of the bitmap.
        bmp: u8,
    },
}

/// One bitmap with its value, without its length. `Debug` shows no card number and no track.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    bmp: u8,
    value: Vec<u8>,
}

impl Field {
    /// The number of the bitmap.
    #[must_use]
    pub fn bmp(&self) -> u8 {
        self.bmp
    }

    /// The value as it stands in the message; a track is zeros.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The tracks of the card are forgotten as soon as they are read: nothing in a register needs them, and what
    /// is not there cannot leak.
    fn new(bmp: u8, mut value: Vec<u8>) -> Self {
        match bmp {
            _ if is_track(bmp) => value.fill(0),
            0x06 => {
                let container = Container::decode(&value);
                if container.holds_track() {
                    value = container.encode();
                }
            }
            _ => {}
        }
        Self { bmp, value }
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02X}=", self.bmp)?;
        match self.bmp {
            _ if is_track(self.bmp) => write!(formatter, "[{} bytes]", self.value.len()),
            // The card number, the content of a chip.
            0x22 | 0x2E => write!(formatter, "[{} bytes]", self.value.len()),
            0x06 => Container::decode(&self.value).fmt(formatter),
            _ => self.value.iter().try_for_each(|byte| write!(formatter, "{byte:02X}")),
        }
    }
}

/// Whether the bitmap holds track 2, 3 or 1 of the card.
fn is_track(bmp: u8) -> bool {
    matches!(bmp, 0x23 | 0x24 | 0x2D)
}

/// A time of day at the terminal (BMP 0C).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Time {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

/// A day at the terminal (BMP 0D, or BMP AA with the year).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date {
    /// The last two digits, when the terminal tells them.
    pub year: Option<u8>,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// The bitmaps of a message in their order, and what could not be read behind them.
///
/// Decoding never fails: from the first byte on that opens no bitmap, or whose value is cut off, all is kept as bytes,
/// so that a result code is not lost to a damaged text behind it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Fields {
    list: Vec<Field>,
    undecoded: Vec<u8>,
}

impl Fields {
    /// No bitmaps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads bitmaps up to the end, or up to what is none.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Self {
        let mut list = Vec::new();
        while let Some((field, rest)) = take_field(bytes) {
            list.push(field);
            bytes = rest;
        }
        let mut undecoded = bytes.to_vec();
        // A track that is cut off is a track.
        if let Some((bmp, value)) = undecoded.split_first_mut()
            && is_track(*bmp)
        {
            value.fill(0);
        }
        Self { list, undecoded }
    }

    /// The bitmaps as bytes, in their order.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in &self.list {
            bytes.push(field.bmp);
            let told = field.value.len();
            match length_of(field.bmp) {
                Some(Length::Ber) => bytes.extend(encode_length(told)),
                Some(length) => bytes.extend(f_digits(told, length.f_bytes())),
                None => {}
            }
            bytes.extend_from_slice(&field.value);
        }
        bytes.extend_from_slice(&self.undecoded);
        bytes
    }

    /// Adds a bitmap at the end.
    ///
    /// # Errors
    /// [`FieldError`] when there is no such bitmap or the value does not fit its form.
    pub fn with(mut self, bmp: u8, value: Vec<u8>) -> Result<Self, FieldError> {
        let length = length_of(bmp).ok_or(FieldError::Unknown { bmp })?;
        if !length.admits(value.len()) {
            return Err(FieldError::Length { bmp, bytes: value.len() });
        }
        self.list.push(Field::new(bmp, value));
        Ok(self)
    }

    /// Adds a bitmap of a fixed length that is a decimal number: an amount in cents, a trace or a receipt number.
    ///
    /// # Errors
    /// [`FieldError`] when the bitmap has no fixed length or too few digits.
    pub fn with_number(self, bmp: u8, number: u64) -> Result<Self, FieldError> {
        let Some(Length::Fixed(bytes)) = length_of(bmp) else { return Err(FieldError::Unknown { bmp }) };
        let value = bcd::digits(number, bytes).ok_or(FieldError::Digits { bmp })?;
        self.with(bmp, value)
    }

    /// Adds the amount in cents (BMP 04).
    ///
    /// # Errors
    /// [`FieldError::Digits`] above twelve digits.
    pub fn with_amount_cents(self, cents: u64) -> Result<Self, FieldError> {
        self.with_number(0x04, cents)
    }

    /// Adds the currency by its ISO 4217 number (BMP 49).
    ///
    /// # Errors
    /// [`FieldError::Digits`] above four digits.
    pub fn with_currency(self, currency: u16) -> Result<Self, FieldError> {
        self.with_number(0x49, u64::from(currency))
    }

    /// Adds a receipt number (BMP 87).
    ///
    /// # Errors
    /// [`FieldError::Digits`] above four digits.
    pub fn with_receipt_number(self, number: u16) -> Result<Self, FieldError> {
        self.with_number(0x87, u64::from(number))
    }

    /// Adds a service byte (BMP 03).
    ///
    /// # Errors
    /// None: the form admits every byte.
    pub fn with_service(self, service: u8) -> Result<Self, FieldError> {
        self.with(0x03, vec![service])
    }

    /// Adds a TLV container (BMP 06).
    ///
    /// # Errors
    /// [`FieldError::Length`] when it is longer than an APDU can be.
    pub fn with_tlv(self, container: &Container) -> Result<Self, FieldError> {
        self.with(0x06, container.encode())
    }

    /// The bitmaps in their order.
    #[must_use]
    pub fn list(&self) -> &[Field] {
        &self.list
    }

    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.undecoded.is_empty()
    }

    /// How many bytes at the end could not be read.
    #[must_use]
    pub fn undecoded_bytes(&self) -> usize {
        self.undecoded.len()
    }

    /// The value of the first bitmap of this number.
    #[must_use]
    pub fn get(&self, bmp: u8) -> Option<&[u8]> {
        self.list.iter().find(|field| field.bmp == bmp).map(Field::value)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.list).finish()?;
        match self.undecoded.len() {
            0 => Ok(()),
            bytes => write!(formatter, " and {bytes} bytes undecoded"),
        }
    }
}

/// The decimal digits of a length, each behind an `F`.
fn f_digits(number: usize, digits: usize) -> Vec<u8> {
    let mut rest = number;
    let mut found: Vec<u8> = (0..digits)
        .map(|_| {
            let digit = u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            F | digit
        })
        .collect();
    found.reverse();
    found
}

/// The number that so many `F` digits tell.
pub(super) fn take_f_digits(bytes: &[u8], digits: usize) -> Option<(usize, &[u8])> {
    let (told, rest) = bytes.split_at_checked(digits)?;
    let number = told.iter().try_fold(0_usize, |number, byte| {
        let digit = byte & 0x0F;
        (byte & F == F && digit <= 9).then(|| number * 10 + usize::from(digit))
    })?;
    Some((number, rest))
}

/// An LLLVAR as it stands in a message without a bitmap's number.
pub(super) fn encode_lllvar(value: &[u8]) -> Vec<u8> {
    [&f_digits(value.len(), 3)[..], value].concat()
}

fn take_field(bytes: &[u8]) -> Option<(Field, &[u8])> {
    let (bmp, rest) = bytes.split_first()?;
    let (length, rest) = match length_of(*bmp)? {
        Length::Fixed(length) => (length, rest),
        Length::Ber => take_length(rest)?,
        length => take_f_digits(rest, length.f_bytes())?,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((Field::new(*bmp, value.to_vec()), rest))
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
