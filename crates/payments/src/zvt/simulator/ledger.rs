//! What the terminal really did with money: the judge of every test.

use std::fmt;
use std::time::Duration;

/// What a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionKind {
    /// Money from a card.
    Payment,
    /// Money to a card.
    Refund,
    /// A payment taken back by command; the payment's own entry becomes [`EntryState::Reversed`].
    Reversal,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryState {
    /// The money moved.
    Charged,
    /// The money moved, and moved back.
    Reversed,
    /// The money did not move, or the terminal took it back without a reversal of its own.
    Declined,
}

/// One transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Receipt number (BMP 87).
    pub receipt_number: u16,
    /// Trace number (BMP 0B).
    pub trace: u32,
    /// What it is.
    pub kind: TransactionKind,
    /// All that the card pays or gets, a tip included.
    pub amount_cents: u64,
    /// The part of it that is a tip.
    pub tip_cents: u64,
    /// When, in the monotonic time of the terminal.
    pub time: Duration,
    /// What became of it.
    pub state: EntryState,
    /// The result code that it was declined with; zero otherwise.
    pub declined_with: u8,
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, state) = (self.kind, self.state);
        let (receipt, trace) = (self.receipt_number, self.trace);
        let (amount, tip) = (cents(self.amount_cents), cents(self.tip_cents));
        write!(formatter, "{receipt:04} trace {trace:06} {kind:?} {amount} (tip {tip}) {state:?}")
    }
}

/// Cents as units with two decimals.
pub(super) fn cents(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// All transactions since the terminal was built. Entries are added and change their state; none goes away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    entries: Vec<Entry>,
}

impl Ledger {
    /// The transactions in their order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What all cards together have paid and not got back, in cents.
    #[must_use]
    pub fn net_cents(&self) -> i128 {
        let charged = self.entries.iter().filter(|entry| entry.state == EntryState::Charged);
        charged
            .map(|entry| match entry.kind {
                TransactionKind::Payment => i128::from(entry.amount_cents),
                TransactionKind::Refund => -i128::from(entry.amount_cents),
                TransactionKind::Reversal => 0,
            })
            .sum()
    }

    /// How many payments of so many cents, tips not counted, stand charged.
    #[must_use]
    pub fn charges_of(&self, amount_cents: u64) -> usize {
        let of = |entry: &&Entry| {
            entry.kind == TransactionKind::Payment
                && entry.state == EntryState::Charged
                && entry.amount_cents.saturating_sub(entry.tip_cents) == amount_cents
        };
        self.entries.iter().filter(of).count()
    }

    /// Adds a transaction and tells its place.
    pub(super) fn add(&mut self, entry: Entry) -> usize {
        self.entries.push(entry);
        self.entries.len() - 1
    }

    pub(super) fn entry(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place)
    }

    /// The charge at this place is no more; what is not charged stays as it is.
    pub(super) fn undo(&mut self, place: usize, state: EntryState) {
        if let Some(entry) = self.entries.get_mut(place)
            && entry.state == EntryState::Charged
        {
            entry.state = state;
        }
    }

    /// Only so much of the charge at this place stays (`84 9D`).
    pub(super) fn keep_only(&mut self, place: usize, amount_cents: u64) {
        if let Some(entry) = self.entries.get_mut(place)
            && amount_cents < entry.amount_cents
        {
            entry.amount_cents = amount_cents;
            entry.tip_cents = 0;
        }
    }

    /// The place of the payment with this receipt number, the newest first: numbers begin again after 9999.
    pub(super) fn payment(&self, receipt_number: u16, from: usize) -> Option<usize> {
        let is_it = |entry: &Entry| entry.receipt_number == receipt_number && entry.kind == TransactionKind::Payment;
        let places = self.entries.iter().enumerate().skip(from);
        places.filter(|(_, entry)| is_it(entry)).map(|(place, _)| place).next_back()
    }
}
