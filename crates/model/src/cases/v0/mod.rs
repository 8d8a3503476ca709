//! Version nibble 0 and 2: the maps between the two numberings, one file a country (contract 5.2–5.4, 10.1).
//!
//! Purpose: read what older clients send, and give rules that are written in the old numbers their numbers.
//! Owns: [`Market`], the tables of each country, [`read_receipt`].
//! Invariants: tables are data; the country's own file is the only place that knows its numbers.
//! Not here: which numbering a rule of a country works in (`markets`).

mod at;

pub use at::AT;

use super::{ChargeFlag, ChargeItemCase, Country, PayFlag, PayItemCase, ReceiptCase, ReceiptFlag};

/// The sign of the cash that a receipt moves, which splits a payment transfer in three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransferContent {
    /// Whether the receipt has charge items.
    pub has_charge_items: bool,
    /// How the sum of its cash payments stands to zero.
    pub cash: std::cmp::Ordering,
}

/// A v2 receipt case and its number in version 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReceiptRow {
    /// Low 16 bits in version 2.
    pub v2: u16,
    /// Low bits in version 0.
    pub v0: u16,
}

/// A number of version 0 and the v2 word it becomes: low 16 bits and flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reading {
    /// Low 16 bits in version 0.
    pub v0: u16,
    /// Low 16 bits in version 2.
    pub v2: u16,
    /// Global flags (bits 16–31) that are set in addition.
    pub flags: u16,
}

/// A run of charge item cases: the VAT categories 1 to 8 of one service, in version 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChargeRow {
    /// The nibble `S`.
    pub service: u8,
    /// The numbers for `V` 0 to 8; `None` where the map has no entry.
    pub by_vat: [Option<u16>; 9],
}

/// A pay item case with the flags that decide, and its number in version 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayRow {
    /// The byte `PP`.
    pub means: u8,
    /// A flag that must be set; 0 for the plain case.
    pub flag: u16,
    /// The low 32 bits in version 0: some means keep a flag.
    pub v0: u32,
}

/// The maps of one country.
#[derive(Debug, Clone, Copy)]
pub struct Market {
    /// The country.
    pub country: Country,
    /// v2 → v0 receipts, without payment transfers.
    pub receipts: &'static [ReceiptRow],
    /// v0 numbers of a payment transfer: cash in, cash out, anything else.
    pub transfer: [u16; 3],
    /// v0 number of a sale in a foreign country (0000 to 0003 with flag 0080).
    pub foreign_sale: u16,
    /// v0 → v2 receipts.
    pub receipt_readings: &'static [Reading],
    /// v0 numbers that are special cases only when the receipt has no items; with items they are v2 numbers.
    pub only_without_items: &'static [u16],
    /// v2 → v0 charge items, by service.
    pub charges: &'static [ChargeRow],
    /// v0 numbers of down-payments for `V` 1 to 4, and for every other one.
    pub down_payments: ([u16; 4], u16),
    /// v0 number of reverse charge (`NN` 50 with `V` 8).
    pub reverse_charge: u16,
    /// v0 → v2 charge items.
    pub charge_readings: &'static [Reading],
    /// v2 → v0 pay items; rows with a flag come first.
    pub pays: &'static [PayRow],
    /// v0 → v2 pay items.
    pub pay_readings: &'static [Reading],
}

/// The maps of a country, when it has any.
#[must_use]
pub const fn market(country: Country) -> Option<&'static Market> {
    match &country.0 {
        b"AT" => Some(&AT),
        _ => None,
    }
}

/// How a receipt case is to be read (contract 10.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiptReading {
    /// A case of version 2, to be used from here on; its version nibble is 2.
    Case(ReceiptCase),
    /// The version nibble is none that we know.
    VersionUnsupported,
    /// The number is not one of the country's version 0.
    Unknown,
}

/// Reads a receipt case of any version as one of version 2.
///
/// Nibble 2 is version 2. Nibbles 0 and 8 are the country's version 0 (8 asks for the stored answer), except that a
/// case from `0x1000` on is version 2, and that the special cases need both item lists empty: a sale can never start,
/// stop or close a queue. A country without maps has no version 0: its numbers are read as version 2.
#[must_use]
pub fn read_receipt(case: ReceiptCase, has_items: bool) -> ReceiptReading {
    let requested = if case.version() == 8 { ReceiptFlag::RECEIPT_REQUEST.bits() } else { 0 };
    let as_v2 = case.with_version(2).with_global_flags(case.global_flags() | requested);
    match case.version() {
        2 => return ReceiptReading::Case(case),
        0 | 8 => {}
        _ => return ReceiptReading::VersionUnsupported,
    }
    let Some(market) = case.country().and_then(market) else { return ReceiptReading::Case(as_v2) };
    let number = case.low16();
    if number >= 0x1000 || (has_items && market.only_without_items.contains(&number)) {
        return ReceiptReading::Case(as_v2);
    }
    match reading(market.receipt_readings, number) {
        Some(row) => ReceiptReading::Case(as_v2.with_low16(row.v2).with_global_flags(as_v2.global_flags() | row.flags)),
        None => ReceiptReading::Unknown,
    }
}

fn reading(table: &[Reading], number: u16) -> Option<&Reading> {
    table.iter().find(|row| row.v0 == number)
}

impl Market {
    /// The v0 number of a v2 receipt case; `None` when the map has no entry.
    #[must_use]
    pub fn receipt(&self, case: ReceiptCase, content: TransferContent) -> Option<u16> {
        use std::cmp::Ordering;
        let number = case.low16();
        if number <= 0x0003 && case.has(ReceiptFlag::SALE_IN_FOREIGN_COUNTRY) {
            return Some(self.foreign_sale);
        }
        let [cash_in, cash_out, other] = self.transfer;
        if number == 0x0002 {
            return Some(match (content.has_charge_items, content.cash) {
                (false, Ordering::Greater) => cash_in,
                (_, Ordering::Less) => cash_out,
                _ => other,
            });
        }
        self.receipts.iter().find(|row| row.v2 == number).map(|row| row.v0)
    }

    /// The v0 number of a charge item, read by its own version nibble; `None` when the map has no entry. A word of
    /// version 0 is its own number.
    #[must_use]
    pub fn charge(&self, case: ChargeItemCase) -> Option<u16> {
        if case.version() == 0 {
            return Some(case.low16());
        }
        let vat = usize::from(case.vat_nibble());
        if case.has(ChargeFlag::DOWN_PAYMENT) {
            let (by_vat, others) = self.down_payments;
            return Some(vat.checked_sub(1).and_then(|index| by_vat.get(index).copied()).unwrap_or(others));
        }
        if case.nature_byte() == 0x50 && case.vat_nibble() == 8 {
            return Some(self.reverse_charge);
        }
        let row = self.charges.iter().find(|row| row.service == case.service_nibble())?;
        row.by_vat.get(vat).copied().flatten()
    }

    /// A charge item case of any version as one of version 2. A number of version 0 that is not in the map becomes
    /// category unknown: never an error (contract 10.2).
    #[must_use]
    pub fn read_charge(&self, case: ChargeItemCase) -> ChargeItemCase {
        if case.version() != 0 {
            return case;
        }
        let (low, flags) = reading(self.charge_readings, case.low16()).map_or((0, 0), |row| (row.v2, row.flags));
        case.with_version(2).with_low16(low).with_global_flags(case.global_flags() | flags)
    }

    /// The low 32 bits of a pay item in version 0, read by its own version nibble; `None` when the map has no entry.
    #[must_use]
    pub fn pay(&self, case: PayItemCase) -> Option<u32> {
        if case.version() == 0 {
            return Some(case.low32());
        }
        let flags = case.global_flags();
        let mut rows = self.pays.iter().filter(|row| row.means == case.means_byte());
        rows.find(|row| row.flag == 0 || flags & row.flag != 0).map(|row| row.v0)
    }

    /// A pay item case of any version as one of version 2; an unknown number of version 0 becomes unknown.
    #[must_use]
    pub fn read_pay(&self, case: PayItemCase) -> PayItemCase {
        if case.version() != 0 {
            return case;
        }
        let (low, flags) = reading(self.pay_readings, case.low16()).map_or((0, 0), |row| (row.v2, row.flags));
        // Cash with flags change and tip share one number; the tip flag itself tells them apart.
        let flags = if case.has(PayFlag::TIP) { flags & !PayFlag::CHANGE.bits() } else { flags };
        case.with_version(2).with_low16(low).with_global_flags(case.global_flags() | flags)
    }
}
