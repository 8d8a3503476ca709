//! The answer to every command and message: `80 00`, `84 xx` (PA00P015, chapter 1).

use super::apdu::{Apdu, ApduError};
use super::fields::Fields;

/// What one side says to a command or message of the other, within T3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// `80 00`: taken.
    Accepted {
        /// Mostly none.
        fields: Fields,
    },
    /// `84 xx`: not taken, but for `84 00`.
    Refused {
        /// `xx`.
        code: u8,
        /// Mostly none.
        fields: Fields,
    },
}

impl Answer {
    /// `84 66`: the goods could not be given; the terminal reverses the payment. Any code but those below would do.
    pub const GOODS_FAILED: u8 = 0x66;
    /// `84 83`: not known, or not possible now; also the answer to an abort that comes too late.
    pub const NOT_POSSIBLE: u8 = 0x83;
    /// `84 9C`: busy. To a status information: the goods are not out yet, ask again in two seconds.
    pub const NOT_YET: u8 = 0x9C;
    /// `84 9D`: only for a part of the amount, which follows in BMP 04.
    pub const PARTIAL: u8 = 0x9D;
    /// `84 CC`: there is no printer for this line.
    pub const NO_PRINTER: u8 = 0xCC;

    /// `80 00 00`.
    #[must_use]
    pub fn accepted() -> Self {
        Self::Accepted { fields: Fields::new() }
    }

    /// `84 xx 00`.
    #[must_use]
    pub fn refused(code: u8) -> Self {
        Self::Refused { code, fields: Fields::new() }
    }

    /// Whether it means yes: `80 00`, and `84 00`.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Refused { code: 0, .. })
    }

    /// Whether an APDU is an answer.
    #[must_use]
    pub fn of(apdu: &Apdu) -> Option<Self> {
        let fields = Fields::decode(apdu.data());
        match apdu.control() {
            (0x80, 0x00) => Some(Self::Accepted { fields }),
            (0x84, code) => Some(Self::Refused { code, fields }),
            _ => None,
        }
    }

    /// The answer as bytes.
    ///
    /// # Errors
    /// [`ApduError::TooLong`] when the fields are.
    pub fn to_apdu(&self) -> Result<Apdu, ApduError> {
        match self {
            Self::Accepted { fields } => Apdu::new(0x80, 0x00, fields.encode()),
            Self::Refused { code, fields } => Apdu::new(0x84, *code, fields.encode()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_the_dialogue() {
        let partial =
            Answer::Refused { code: Answer::PARTIAL, fields: Fields::new().with_amount_cents(1_000).unwrap() };
        for (answer, bytes, is_positive) in [
            (Answer::accepted(), &[0x80, 0, 0][..], true),
            (Answer::refused(0), &[0x84, 0, 0], true),
            (Answer::refused(Answer::NOT_YET), &[0x84, 0x9C, 0], false),
            (Answer::refused(Answer::GOODS_FAILED), &[0x84, 0x66, 0], false),
            (partial, &[0x84, 0x9D, 7, 4, 0, 0, 0, 0, 0x10, 0], false),
        ] {
            assert_eq!(answer.to_apdu().unwrap().encode(), bytes);
            assert_eq!(Answer::of(&Apdu::decode(bytes).unwrap()), Some(answer.clone()));
            assert_eq!(answer.is_positive(), is_positive);
        }
        assert_eq!(Answer::of(&Apdu::new(0x80, 1, vec![]).unwrap()), None);
    }
}
