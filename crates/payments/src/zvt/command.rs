//! What the register says to the terminal (PA00P015, chapter 2).

use std::ops::BitOr;

use super::answer::Answer;
use super::apdu::{Apdu, ApduError};
use super::fields::{FieldError, Fields};
use super::password::Password;
use super::tlv::{Container, Tag, Tlv};

/// What the register wants to do itself (registration, configuration byte).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Config(pub u8);

impl Config {
    /// The register prints receipts of payments.
    pub const PRINTS_PAYMENTS: Self = Self(0x02);
    /// The register prints receipts of administration.
    pub const PRINTS_ADMINISTRATION: Self = Self(0x04);
    /// The terminal tells intermediate states (`04 FF`).
    pub const INTERMEDIATE_STATUS: Self = Self(0x08);
    /// No payment may be started at the terminal.
    pub const NO_PAYMENT_AT_TERMINAL: Self = Self(0x10);
    /// No administration may be started at the terminal.
    pub const NO_ADMINISTRATION_AT_TERMINAL: Self = Self(0x20);
    /// Receipts come ready-made (`06 D1`, `06 D3`).
    pub const RECEIPTS_AS_TEXT: Self = Self(0x80);
    /// All of them, `BE`. Without the two that keep people from the terminal's keys, «newer receipt, same amount» may be
    /// somebody else's payment.
    pub const ALL: Self = Self(0xBE);

    /// Whether all of these are wanted.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Config {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A command of the register, or its answer to a message of the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `06 00`: who the register is and what it wants.
    Registration {
        /// Password of the terminal.
        password: Password,
        /// What the register does itself.
        config: Config,
        /// ISO 4217 number in two bytes as they are sent: `09 78` is the euro. Must be there when fields are.
        currency: Option<[u8; 2]>,
        /// Service byte (03), TLV (06).
        fields: Fields,
    },
    /// `06 01`: a payment.
    Authorisation {
        /// Amount (04), currency (49), payment type (19), timeout in seconds (01), TLV (06) ..
        fields: Fields,
    },
    /// `06 02`: the end of a registration.
    LogOff,
    /// `06 20`: the last receipt or result once more.
    RepeatReceipt {
        /// Password of the terminal.
        password: Password,
        /// Service byte (03), TLV (06).
        fields: Fields,
    },
    /// `06 30`: a payment is taken back, while the terminal still has it.
    Reversal {
        /// Password of the terminal.
        password: Password,
        /// Receipt number (87), amount (04) ..
        fields: Fields,
    },
    /// `06 31`: money is given back to a card.
    Refund {
        /// Password of the terminal.
        password: Password,
        /// Amount (04), currency (49) ..
        fields: Fields,
    },
    /// `06 50`: end of day.
    EndOfDay {
        /// Password of the terminal.
        password: Password,
        /// Mostly none.
        fields: Fields,
    },
    /// `06 70`: the terminal talks to its host.
    Diagnosis {
        /// Mostly none.
        fields: Fields,
    },
    /// `06 B0`: the register asks to end what is under way. No promise: the end is told by `06 1E` or `06 0F`.
    Abort {
        /// Mostly none.
        fields: Fields,
    },
    /// `05 01`: how the terminal is.
    StatusEnquiry {
        /// Password of the terminal; some answer without.
        password: Option<Password>,
        /// Service byte (03), TLV (06).
        fields: Fields,
    },
    /// `80 00`, `84 xx`: the answer to a message of the terminal.
    Answer(Answer),
    /// Any other, or one whose data are not what they should be.
    Other(Apdu),
}

impl Command {
    /// Service byte of `06 20` for the silent question after the last result: a `04 0F`, no receipt.
    pub const SERVICE_LAST_RESULT: u8 = 0x03;
    /// The euro as a registration tells it.
    pub const EURO: [u8; 2] = [0x09, 0x78];

    /// A registration in euros that takes texts in blocks (TLV 26 with `06 D3`). It tells no width of a line (TLV 12): the
    /// terminal then keeps its own, and the printer breaks what is too long.
    ///
    /// # Errors
    /// None in practice: the field fits.
    pub fn registration(password: Password, config: Config) -> Result<Self, FieldError> {
        let blocks = Tlv::bytes(Tag::COMMAND, vec![0x06, 0xD3]);
        let container = Container::new(vec![Tlv::elements(Tag::PERMITTED_COMMANDS, vec![blocks])]);
        let fields = Fields::new().with_tlv(&container)?;
        Ok(Self::Registration { password, config, currency: Some(Self::EURO), fields })
    }

    /// A payment of so many cents.
    ///
    /// # Errors
    /// [`FieldError::Digits`] when the amount has more than twelve digits.
    pub fn authorisation(amount_cents: u64, currency: u16) -> Result<Self, FieldError> {
        Ok(Self::Authorisation { fields: Fields::new().with_amount_cents(amount_cents)?.with_currency(currency)? })
    }

    /// The silent question after the last stored result: it prints nothing and charges nothing.
    ///
    /// # Errors
    /// None in practice: the field fits.
    pub fn last_result(password: Password) -> Result<Self, FieldError> {
        Ok(Self::RepeatReceipt { password, fields: Fields::new().with_service(Self::SERVICE_LAST_RESULT)? })
    }

    /// The payment of this receipt number is taken back, if it was of so many cents.
    ///
    /// # Errors
    /// [`FieldError::Digits`] when the receipt number has more than four digits, or the amount more than twelve.
    pub fn reversal(
        password: Password,
        receipt_number: u16,
        amount_cents: u64,
        currency: u16,
    ) -> Result<Self, FieldError> {
        let fields = Fields::new().with_receipt_number(receipt_number)?;
        let fields = fields.with_amount_cents(amount_cents)?.with_currency(currency)?;
        Ok(Self::Reversal { password, fields })
    }

    /// So many cents are given back to a card.
    ///
    /// # Errors
    /// [`FieldError::Digits`] when the amount has more than twelve digits.
    pub fn refund(password: Password, amount_cents: u64, currency: u16) -> Result<Self, FieldError> {
        let fields = Fields::new().with_amount_cents(amount_cents)?.with_currency(currency)?;
        Ok(Self::Refund { password, fields })
    }

    /// The command as bytes.
    ///
    /// # Errors
    /// [`ApduError::TooLong`] when the fields are.
    pub fn to_apdu(&self) -> Result<Apdu, ApduError> {
        let with = |password: &Password, fields: &Fields| [&password.bytes()[..], &fields.encode()].concat();
        let (class, instruction, data) = match self {
            Self::Registration { password, config, currency, fields } => {
                let mut data = password.bytes().to_vec();
                data.push(config.0);
                data.extend(currency.iter().flatten());
                data.extend(fields.encode());
                (0x06, 0x00, data)
            }
            Self::Authorisation { fields } => (0x06, 0x01, fields.encode()),
            Self::LogOff => (0x06, 0x02, Vec::new()),
            Self::RepeatReceipt { password, fields } => (0x06, 0x20, with(password, fields)),
            Self::Reversal { password, fields } => (0x06, 0x30, with(password, fields)),
            Self::Refund { password, fields } => (0x06, 0x31, with(password, fields)),
            Self::EndOfDay { password, fields } => (0x06, 0x50, with(password, fields)),
            Self::Diagnosis { fields } => (0x06, 0x70, fields.encode()),
            Self::Abort { fields } => (0x06, 0xB0, fields.encode()),
            Self::StatusEnquiry { password, fields } => {
                let password = password.map_or_else(Vec::new, |password| password.bytes().to_vec());
                (0x05, 0x01, [password, fields.encode()].concat())
            }
            Self::Answer(answer) => return answer.to_apdu(),
            Self::Other(apdu) => return Ok(apdu.clone()),
        };
        Apdu::new(class, instruction, data)
    }

    /// What an APDU of the register says.
    #[must_use]
    pub fn decode(apdu: &Apdu) -> Self {
        Self::known(apdu).unwrap_or_else(|| Self::Other(apdu.clone()))
    }

    fn known(apdu: &Apdu) -> Option<Self> {
        let data = apdu.data();
        let with = || Password::take(data).map(|(password, rest)| (password, Fields::decode(rest)));
        Some(match apdu.control() {
            (0x06, 0x00) => {
                let (password, rest) = Password::take(data)?;
                let (config, rest) = rest.split_first()?;
                let (currency, rest) = match rest.split_first_chunk() {
                    Some((currency, rest)) => (Some(*currency), rest),
                    None => (None, rest),
                };
                let fields = Fields::decode(rest);
                Self::Registration { password, config: Config(*config), currency, fields }
            }
            (0x06, 0x01) => Self::Authorisation { fields: Fields::decode(data) },
            (0x06, 0x02) if data.is_empty() => Self::LogOff,
            (0x06, 0x20) => with().map(|(password, fields)| Self::RepeatReceipt { password, fields })?,
            (0x06, 0x30) => with().map(|(password, fields)| Self::Reversal { password, fields })?,
            (0x06, 0x31) => with().map(|(password, fields)| Self::Refund { password, fields })?,
            (0x06, 0x50) => with().map(|(password, fields)| Self::EndOfDay { password, fields })?,
            (0x06, 0x70) => Self::Diagnosis { fields: Fields::decode(data) },
            (0x06, 0xB0) => Self::Abort { fields: Fields::decode(data) },
            (0x05, 0x01) if data.is_empty() => Self::StatusEnquiry { password: None, fields: Fields::new() },
            (0x05, 0x01) => {
                with().map(|(password, fields)| Self::StatusEnquiry { password: Some(password), fields })?
            }
            _ => return Answer::of(apdu).map(Self::Answer),
        })
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
