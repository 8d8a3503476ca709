//! What happens at a terminal, for whoever watches.

use std::fmt;

use kassette_payments::zvt::simulator::{Entry, EntryState, TransactionKind};
use serde::Serialize;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The line waits for a register: at the start, when it was put back, and behind a break.
    Waiting {
        /// Address and port, or the path of a device file.
        at: String,
    },
    /// A register is there.
    Connected,
    /// The register has gone.
    Disconnected,
    /// The terminal broke the line, as its script says or because it understood nothing any more.
    Dropped,
    /// The line was pulled by hand, and stays away until it is put back.
    Pulled,
    /// The power failed and came again.
    PowerCycled,
    /// The customer sees something else.
    Display {
        /// What.
        text: String,
    },
    /// A transaction was made, or its state has changed.
    Ledger(EntryShown),
    /// The terminal has ended, as it cannot go on.
    Failed {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { at } => write!(formatter, "waiting on {at}"),
            Self::Connected => formatter.write_str("connected"),
            Self::Disconnected => formatter.write_str("disconnected"),
            Self::Dropped => formatter.write_str("dropped the line"),
            Self::Pulled => formatter.write_str("line pulled"),
            Self::PowerCycled => formatter.write_str("power failed and came again"),
            Self::Display { text } => write!(formatter, "display: {text}"),
            Self::Ledger(entry) => write!(formatter, "ledger: {entry}"),
            Self::Failed { reason } => write!(formatter, "failed: {reason}"),
        }
    }
}

/// A transaction of the ledger as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryShown {
    /// `payment`, `refund` or `reversal`.
    pub kind: &'static str,
    /// All that the card pays or gets, a tip included.
    pub amount_cents: u64,
    /// The part of it that is a tip.
    pub tip_cents: u64,
    /// The number that the terminal gave to its receipt.
    pub receipt_number: u16,
    /// The trace number.
    pub trace: u32,
    /// `charged`, `reversed` or `declined`.
    pub state: &'static str,
    /// The result code that it was declined with, in two hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declined_with: Option<String>,
    /// When, in milliseconds since the terminal was started.
    pub time_ms: u64,
}

impl From<&Entry> for EntryShown {
    fn from(entry: &Entry) -> Self {
        Self {
            kind: match entry.kind {
                TransactionKind::Payment => "payment",
                TransactionKind::Refund => "refund",
                TransactionKind::Reversal => "reversal",
            },
            amount_cents: entry.amount_cents,
            tip_cents: entry.tip_cents,
            receipt_number: entry.receipt_number,
            trace: entry.trace,
            state: match entry.state {
                EntryState::Charged => "charged",
                EntryState::Reversed => "reversed",
                EntryState::Declined => "declined",
            },
            declined_with: (entry.declined_with > 0).then(|| format!("{:02x}", entry.declined_with)),
            time_ms: u64::try_from(entry.time.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl fmt::Display for EntryShown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, receipt_number, trace, state, .. } = self;
        let (whole, cents) = (self.amount_cents / 100, self.amount_cents % 100);
        write!(formatter, "receipt {receipt_number:04} trace {trace:06} {kind} EUR {whole}.{cents:02} {state}")?;
        if self.tip_cents > 0 {
            write!(formatter, ", of which tip {}.{:02}", self.tip_cents / 100, self.tip_cents % 100)?;
        }
        self.declined_with.as_ref().map_or(Ok(()), |code| write!(formatter, " with {code}"))
    }
}
