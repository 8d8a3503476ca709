//! What a terminal tells of a transaction, as far as it may be kept.

use std::fmt;
use std::str::FromStr;

use crate::zvt::{Date, Fields, ResultCode, Tag, Time};

/// Receipt numbers have four digits and begin anew behind 9999.
const RECEIPT_NUMBERS: u16 = 10_000;

/// The last transaction that a terminal had told of at some time. Written down before a payment is sent: whatever it tells of afterwards
/// is newer or is this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Baseline {
    /// It had none.
    Nothing,
    /// It had one without a number: what comes next cannot be known by its own.
    Unknown,
    /// This one.
    Last {
        /// Receipt number (BMP 87).
        receipt_number: u16,
        /// Trace number (BMP 0B); 0 when it told none.
        trace: u64,
    },
}

impl Baseline {
    /// How many receipts behind it a number is; 0 is the same one.
    #[must_use]
    pub fn receipts_since(self, receipt_number: u16) -> u16 {
        match self {
            // Behind nothing everything is new, and nobody knows where a terminal begins to count.
            Self::Nothing | Self::Unknown => 1,
            Self::Last { receipt_number: last, .. } => {
                (receipt_number.wrapping_add(RECEIPT_NUMBERS).wrapping_sub(last))
                    .checked_rem(RECEIPT_NUMBERS)
                    .unwrap_or(0)
            }
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Unknown => f.write_str("unknown"),
            Self::Last { receipt_number, trace } => write!(f, "{receipt_number:04}/{trace:06}"),
        }
    }
}

/// The text is no baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the last transaction of a terminal")]
pub struct NoBaseline;

impl FromStr for Baseline {
    type Err = NoBaseline;

    fn from_str(text: &str) -> Result<Self, NoBaseline> {
        match text {
            "nothing" => return Ok(Self::Nothing),
            "unknown" => return Ok(Self::Unknown),
            _ => {}
        }
        let (receipt, trace) = text.split_once('/').ok_or(NoBaseline)?;
        let receipt_number = receipt.parse().ok().filter(|number| *number < RECEIPT_NUMBERS).ok_or(NoBaseline)?;
        Ok(Self::Last { receipt_number, trace: trace.parse().map_err(|_| NoBaseline)? })
    }
}

/// A status information (`04 0F`) in the words of this product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// BMP 27; a terminal that tells none tells of no success.
    pub code: ResultCode,
    /// BMP 04, in cents.
    pub amount_cents: Option<u64>,
    /// The part of it that is a tip (TLV 1F36), in cents, when the terminal says so.
    pub tip_cents: Option<u64>,
    /// BMP 87.
    pub receipt_number: Option<u16>,
    /// BMP 0B or TLV 1F2B.
    pub trace: Option<u64>,
    /// BMP 0D or AA.
    pub date: Option<Date>,
    /// BMP 0C.
    pub time: Option<Time>,
    /// BMP 29.
    pub terminal_id: Option<String>,
    /// BMP 8B.
    pub card_name: Option<String>,
    /// BMP 8A.
    pub card_type: Option<u8>,
    /// BMP 22, masked.
    pub pan_masked: Option<String>,
    /// BMP 3B.
    pub authorisation: Option<String>,
    /// BMP 3C or TLV 1F17: why it was refused.
    pub text: Option<String>,
}

impl Transaction {
    /// What a status information tells.
    #[must_use]
    pub fn of(fields: &Fields) -> Self {
        let tlv = fields.tlv();
        let tip = tlv.as_ref().and_then(|container| container.bytes(&[Tag::TIP])).and_then(bcd_number);
        let words = tlv.as_ref().and_then(|container| container.text(&[Tag::ERROR_TEXT]));
        Self {
            code: fields.result().unwrap_or(ResultCode(0xFF)),
            amount_cents: fields.amount_cents(),
            tip_cents: tip,
            receipt_number: fields.receipt_number(),
            trace: fields.trace(),
            date: fields.date(),
            time: fields.time(),
            terminal_id: fields.terminal_id(),
            card_name: fields.card_name(),
            card_type: fields.card_type(),
            pan_masked: fields.pan_masked(),
            authorisation: fields.authorisation_attribute(),
            text: fields.additional_text().or(words),
        }
    }

    /// It as the last one that a terminal told of; `None` when it has no number to be known by.
    #[must_use]
    pub fn baseline(&self) -> Option<Baseline> {
        let receipt_number = self.receipt_number?;
        Some(Baseline::Last { receipt_number, trace: self.trace.unwrap_or(0) })
    }
}

/// Packed decimal digits.
fn bcd_number(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0_u64, |number, byte| {
        let (high, low) = (byte >> 4, byte & 0x0F);
        if high > 9 || low > 9 {
            return None;
        }
        number.checked_mul(100)?.checked_add(u64::from(high) * 10 + u64::from(low))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_kept_as_text() {
        for (baseline, text) in [
            (Baseline::Nothing, "nothing"),
            (Baseline::Unknown, "unknown"),
            (Baseline::Last { receipt_number: 7, trace: 1_234 }, "0007/001234"),
            (Baseline::Last { receipt_number: 9_999, trace: 0 }, "9999/000000"),
        ] {
            assert_eq!(baseline.to_string(), text);
            assert_eq!(text.parse(), Ok(baseline));
        }
        for text in ["", "7", "10000/1", "x/1", "1/"] {
            assert_eq!(text.parse::<Baseline>(), Err(NoBaseline), "{text:?}");
        }
    }

    #[test]
    fn receipt_numbers_begin_anew() {
        let last = Baseline::Last { receipt_number: 9_998, trace: 1 };
        for (number, behind) in [(9_998, 0), (9_999, 1), (0, 2), (1, 3), (9_997, 9_999)] {
            assert_eq!(last.receipts_since(number), behind, "{number}");
        }
        assert_eq!(Baseline::Nothing.receipts_since(1), 1);
    }
}
