//! The unit both transports carry: class, instruction, length, data (PA00P015, chapter 1).

use std::fmt;

use thiserror::Error;

/// Most data bytes of an APDU: what the extended length can say.
pub const DATA_BYTES_MAX: usize = 0xFFFF;
/// Data longer than this need the extended length.
const SHORT_DATA_BYTES_MAX: usize = 0xFE;
/// Opens the extended length, which follows in two bytes, the low one first.
const EXTENDED: u8 = 0xFF;

/// Why bytes are no APDU, or data fit none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ApduError {
    /// The data are longer than [`DATA_BYTES_MAX`].
    #[error("{bytes} data bytes; an APDU carries at most {DATA_BYTES_MAX}")]
    TooLong {
        /// Length of the data.
        bytes: usize,
    },
    /// The bytes end before the APDU does.
    #[error("the APDU is not complete")]
    Incomplete,
    /// Bytes follow the APDU.
    #[error("{bytes} bytes follow the APDU")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// One command, message or answer as bytes with a length (PA00P015, chapter 1).
///
/// Its `Debug` shows the control field and how many data bytes there are: the data may hold a card's track.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Apdu {
    class: u8,
    instruction: u8,
    data: Vec<u8>,
}

impl Apdu {
    /// An APDU of these data.
    ///
    /// # Errors
    /// [`ApduError::TooLong`] when the data are longer than [`DATA_BYTES_MAX`].
    pub fn new(class: u8, instruction: u8, data: Vec<u8>) -> Result<Self, ApduError> {
        if data.len() > DATA_BYTES_MAX {
            return Err(ApduError::TooLong { bytes: data.len() });
        }
        Ok(Self { class, instruction, data })
    }

    /// The class, for example `06`.
    #[must_use]
    pub fn class(&self) -> u8 {
        self.class
    }

    /// The instruction, for example `01`.
    #[must_use]
    pub fn instruction(&self) -> u8 {
        self.instruction
    }

    /// The data behind the length.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Class and instruction together.
    #[must_use]
    pub fn control(&self) -> (u8, u8) {
        (self.class, self.instruction)
    }

    /// The bytes, with the shortest form of the length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.data.len() + 5);
        bytes.extend([self.class, self.instruction]);
        match u8::try_from(self.data.len()) {
            Ok(short) if self.data.len() <= SHORT_DATA_BYTES_MAX => bytes.push(short),
            // `new` let no more data in than two bytes can count.
            _ => {
                let length = u16::try_from(self.data.len()).unwrap_or(u16::MAX);
                bytes.push(EXTENDED);
                bytes.extend(length.to_le_bytes());
            }
        }
        bytes.extend_from_slice(&self.data);
        bytes
    }

    /// The first APDU of a stream and how many bytes it took; `None` while it is not complete.
    #[must_use]
    pub fn take(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&[class, instruction, short], rest) = bytes.split_first_chunk::<3>()?;
        let (length, head_bytes, rest) = if short == EXTENDED {
            let (&extended, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_le_bytes(extended)), 5, rest)
        } else {
            (usize::from(short), 3, rest)
        };
        let data = rest.get(..length)?.to_vec();
        Some((Self { class, instruction, data }, head_bytes + length))
    }

    /// Exactly one APDU.
    ///
    /// # Errors
    /// [`ApduError::Incomplete`] and [`ApduError::Trailing`] when its length is not that of the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, ApduError> {
        let (apdu, taken) = Self::take(bytes).ok_or(ApduError::Incomplete)?;
        match bytes.len() - taken {
            0 => Ok(apdu),
            bytes => Err(ApduError::Trailing { bytes }),
        }
    }
}

impl fmt::Debug for Apdu {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Apdu({:02X} {:02X}, {} bytes)", self.class, self.instruction, self.data.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_short_length_is_one_byte_and_a_long_one_three() {
        for (bytes, head) in [
            (0, vec![6, 0xD3, 0]),
            (0xFE, vec![6, 0xD3, 0xFE]),
            (0xFF, vec![6, 0xD3, 0xFF, 0xFF, 0]),
            (0x461, vec![6, 0xD3, 0xFF, 0x61, 0x04]),
            (0xFFFF, vec![6, 0xD3, 0xFF, 0xFF, 0xFF]),
        ] {
            let apdu = Apdu::new(6, 0xD3, vec![1; bytes]).unwrap();
            let encoded = apdu.encode();
            assert!(encoded.starts_with(&head), "{bytes}");
            assert_eq!(encoded.len(), head.len() + bytes);
            assert_eq!(Apdu::decode(&encoded), Ok(apdu));
        }
    }

    #[test]
    fn data_that_fit_no_length_are_refused() {
        assert_eq!(Apdu::new(6, 1, vec![0; 0x1_0000]), Err(ApduError::TooLong { bytes: 0x1_0000 }));
    }

    #[test]
    fn an_apdu_ends_where_its_length_says() {
        assert_eq!(Apdu::decode(&[0x80, 0]), Err(ApduError::Incomplete));
        assert_eq!(Apdu::decode(&[0x04, 0x0F, 0xFF, 0x00, 0x01, 0x6C]), Err(ApduError::Incomplete));
        assert_eq!(Apdu::decode(&[0x80, 0, 0, 1]), Err(ApduError::Trailing { bytes: 1 }));
    }

    #[test]
    fn debug_shows_no_data() {
        let apdu = Apdu::new(4, 0x0F, vec![0x23, 0xF0, 0xF1, 0x67]).unwrap();
        assert_eq!(format!("{apdu:?}"), "Apdu(04 0F, 4 bytes)");
    }
}
