//! What the bitmaps of a message mean (PA00P015, chapter on bitmaps).

use super::bcd;
use super::charset::decode_text;
use super::fields::{Date, Fields, Time};
use super::result_code::ResultCode;
use super::tlv::{Container, Tag};

/// Digits of a card number that are shown when the terminal has masked none.
const PAN_DIGITS_SHOWN: usize = 4;

/// What tells one transaction of a terminal from another: the same status information may arrive twice, when an
/// acknowledgement was lost, and must be booked once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TransactionKey {
    /// BMP 87.
    pub receipt_number: Option<u16>,
    /// BMP 0B or TLV 1F2B.
    pub trace: Option<u64>,
    /// BMP 04.
    pub amount_cents: Option<u64>,
    /// BMP AA or 0D.
    pub date: Option<Date>,
    /// BMP 0C.
    pub time: Option<Time>,
}

impl Fields {
    fn number(&self, bmp: u8) -> Option<u64> {
        self.get(bmp).and_then(bcd::number)
    }

    fn byte(&self, bmp: u8) -> Option<u8> {
        self.get(bmp)?.first().copied()
    }

    fn text(&self, bmp: u8) -> Option<String> {
        let bytes = self.get(bmp)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let charset = self.tlv().and_then(|container| container.charset());
        Some(decode_text(bytes.get(..end)?, charset).trim_end().to_owned())
    }

    /// Amount in cents (BMP 04).
    #[must_use]
    pub fn amount_cents(&self) -> Option<u64> {
        self.number(0x04)
    }

    /// Trace number (BMP 0B); where that is `000000`, the long one of TLV 1F2B.
    #[must_use]
    pub fn trace(&self) -> Option<u64> {
        match self.number(0x0B) {
            Some(0) | None => {
                let long = self.tlv().and_then(|container| bcd::number(container.bytes(&[Tag::LONG_TRACE])?));
                long.or_else(|| self.number(0x0B))
            }
            short => short,
        }
    }

    /// Trace number of the transaction that this one reverses (BMP 37).
    #[must_use]
    pub fn original_trace(&self) -> Option<u64> {
        self.number(0x37)
    }

    /// Time of day (BMP 0C).
    #[must_use]
    pub fn time(&self) -> Option<Time> {
        let [hour, minute, second] = pairs(self.get(0x0C)?)?;
        (hour < 24 && minute < 60 && second < 60).then_some(Time { hour, minute, second })
    }

    /// Day: BMP AA, which has the year, before BMP 0D.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        let long = self.get(0xAA).and_then(pairs).map(|[year, month, day]| Date { year: Some(year), month, day });
        let short = || self.get(0x0D).and_then(pairs).map(|[month, day]| Date { year: None, month, day });
        long.or_else(short).filter(|date| matches!(date.month, 1..=12) && matches!(date.day, 1..=31))
    }

    /// Terminal id, eight digits (BMP 29).
    #[must_use]
    pub fn terminal_id(&self) -> Option<String> {
        self.number(0x29).map(|number| format!("{number:08}"))
    }

    /// Number of the merchant's contract (BMP 2A).
    #[must_use]
    pub fn merchant_number(&self) -> Option<String> {
        self.text(0x2A)
    }

    /// Receipt number (BMP 87); `None` also for `FFFF`, with which a terminal says that there is none.
    #[must_use]
    pub fn receipt_number(&self) -> Option<u16> {
        self.number(0x87).and_then(|number| u16::try_from(number).ok())
    }

    /// Turnover number (BMP 88).
    #[must_use]
    pub fn turnover_number(&self) -> Option<u64> {
        self.number(0x88)
    }

    /// ISO 4217 number of the currency (BMP 49).
    #[must_use]
    pub fn currency(&self) -> Option<u16> {
        self.number(0x49).and_then(|number| u16::try_from(number).ok())
    }

    /// Result (BMP 27).
    #[must_use]
    pub fn result(&self) -> Option<ResultCode> {
        self.byte(0x27).map(ResultCode)
    }

    /// Name of the card (BMP 8B).
    #[must_use]
    pub fn card_name(&self) -> Option<String> {
        self.text(0x8B)
    }

    /// Card number (BMP 22) with `*` for each digit that is not to be seen: those that the terminal masks, and all but
    /// the last four where it masks none.
    #[must_use]
    pub fn pan_masked(&self) -> Option<String> {
        let halves = self.get(0x22)?.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
        // F fills the last byte.
        let digits: Vec<u8> = halves.filter(|half| *half != 0x0F).collect();
        let is_masked = digits.iter().any(|digit| *digit > 9);
        let hidden = if is_masked { 0 } else { digits.len().saturating_sub(PAN_DIGITS_SHOWN) };
        let shown = |(index, digit): (usize, &u8)| match digit {
            0..=9 if index >= hidden => char::from(b'0' + digit),
            _ => '*',
        };
        Some(digits.iter().enumerate().map(shown).collect())
    }

    /// Additional text (BMP 3C), mostly why a card was refused.
    #[must_use]
    pub fn additional_text(&self) -> Option<String> {
        self.text(0x3C)
    }

    /// Payment type (BMP 19): `40` offline, `60` online, `70` PIN.
    #[must_use]
    pub fn payment_type(&self) -> Option<u8> {
        self.byte(0x19)
    }

    /// The terminal's number of the card type (BMP 8A): 2 ec, 5 girocard, 6 Mastercard, 8 Amex, 10 Visa ..
    #[must_use]
    pub fn card_type(&self) -> Option<u8> {
        self.byte(0x8A)
    }

    /// Authorisation attribute (BMP 3B): the host's number of the authorisation, without its filling zeros.
    #[must_use]
    pub fn authorisation_attribute(&self) -> Option<String> {
        self.text(0x3B)
    }

    /// Service byte (BMP 03).
    #[must_use]
    pub fn service(&self) -> Option<u8> {
        self.byte(0x03)
    }

    /// TLV container (BMP 06).
    #[must_use]
    pub fn tlv(&self) -> Option<Container> {
        self.get(0x06).map(Container::decode)
    }

    /// What tells this transaction from another.
    #[must_use]
    pub fn transaction_key(&self) -> TransactionKey {
        TransactionKey {
            receipt_number: self.receipt_number(),
            trace: self.trace(),
            amount_cents: self.amount_cents(),
            date: self.date(),
            time: self.time(),
        }
    }
}

/// Each byte as a number of two digits.
fn pairs<const BYTES: usize>(bytes: &[u8]) -> Option<[u8; BYTES]> {
    let numbers: Option<Vec<u8>> =
        bytes.iter().map(|byte| bcd::number(&[*byte]).and_then(|number| u8::try_from(number).ok())).collect();
    numbers?.try_into().ok()
}

#[cfg(test)]
#[path = "meaning_tests.rs"]
mod tests;
