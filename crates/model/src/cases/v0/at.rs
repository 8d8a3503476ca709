//! Austria: numbers of version 0 (contract 5.2, 5.3, 5.4).

use super::{ChargeRow, Market, PayRow, Reading, ReceiptRow};
use crate::Decimal;
use crate::cases::{ChargeFlag, Country, PayFlag, ReceiptFlag};

const DOWN_PAYMENT: u16 = ChargeFlag::DOWN_PAYMENT.bits();
const FOREIGN_CURRENCY: u16 = PayFlag::FOREIGN_CURRENCY.bits();
const CHANGE: u16 = PayFlag::CHANGE.bits();
const TIP: u16 = PayFlag::TIP.bits();

const fn receipt(v2: u16, v0: u16) -> ReceiptRow {
    ReceiptRow { v2, v0 }
}

const fn read(v0: u16, v2: u16) -> Reading {
    Reading { v0, v2, flags: 0 }
}

const fn read_with(v0: u16, v2: u16, flags: u16) -> Reading {
    Reading { v0, v2, flags }
}

/// A service whose rates 1 to 4 count up from `first`, and whose other categories share `others`.
const fn rates(service: u8, first: u16, others: u16) -> ChargeRow {
    let other = Some(others);
    ChargeRow {
        service,
        by_vat: [None, Some(first), Some(first + 1), Some(first + 2), Some(first + 3), other, other, other, other],
    }
}

/// A service that reads like service 0, with its own number for "not taxable".
const fn like_usual(service: u8, not_taxable: u16) -> ChargeRow {
    let [_, one, two, three, four, five, six, seven, _] = rates(service, 0x1, 0x5).by_vat;
    ChargeRow { service, by_vat: [Some(0), one, two, three, four, five, six, seven, Some(not_taxable)] }
}

/// A service that exists only as "not taxable".
const fn not_taxable_only(service: u8, number: u16) -> ChargeRow {
    ChargeRow { service, by_vat: [None, None, None, None, None, None, None, None, Some(number)] }
}

const fn pay(means: u8, v0: u32) -> PayRow {
    PayRow { means, flag: 0, v0 }
}

const fn pay_with(means: u8, flag: u16, v0: u32) -> PayRow {
    PayRow { means, flag, v0 }
}

const NOT_OWN: Option<u16> = Some(0x7);

/// The maps of Austria.
pub static AT: Market = Market {
    country: Country::AT,
    receipts: &[
        receipt(0x0000, 0x0),
        receipt(0x0001, 0x1),
        receipt(0x0003, 0x7),
        receipt(0x0004, 0xF),
        receipt(0x0005, 0x9),
        // Interim bill and pro forma invoice: protocol, no code (contract 5.2).
        receipt(0x0006, 0xD),
        receipt(0x0007, 0xD),
        receipt(0x1000, 0x8),
        receipt(0x1001, 0x8),
        receipt(0x1002, 0x8),
        receipt(0x1003, 0x8),
        receipt(0x2000, 0x2),
        receipt(0x2001, 0x2),
        receipt(0x2010, 0x2),
        receipt(0x2011, 0x2),
        receipt(0x2012, 0x5),
        receipt(0x2013, 0x6),
        receipt(0x3000, 0xD),
        receipt(0x3001, 0xD),
        receipt(0x3002, 0xD),
        receipt(0x3003, 0xE),
        receipt(0x3004, 0xD),
        receipt(0x3005, 0xD),
        receipt(0x3010, 0xD),
        receipt(0x3011, 0xD),
        receipt(0x4001, 0x3),
        receipt(0x4002, 0x4),
        receipt(0x4011, 0x2),
        receipt(0x4012, 0x2),
        receipt(0x4021, 0x2),
        receipt(0x4022, 0x2),
    ],
    transfer: [0xA, 0xB, 0xC],
    foreign_sale: 0x10,
    receipt_readings: &[
        read(0x0, 0x0000),
        read(0x1, 0x0001),
        read(0x2, 0x2000),
        read(0x3, 0x4001),
        read(0x4, 0x4002),
        read(0x5, 0x2012),
        read(0x6, 0x2013),
        read(0x7, 0x0003),
        read(0x8, 0x1000),
        read(0x9, 0x0005),
        read(0xA, 0x0002),
        read(0xB, 0x0002),
        read(0xC, 0x0002),
        read(0xD, 0x3000),
        read(0xE, 0x3003),
        read(0xF, 0x0004),
        read_with(0x10, 0x0001, ReceiptFlag::SALE_IN_FOREIGN_COUNTRY.bits()),
    ],
    only_without_items: &[0x2, 0x3, 0x4, 0x5, 0x6],
    charges: &[
        like_usual(0x0, 0x5),
        rates(0x1, 0x8, 0xC),
        rates(0x2, 0xD, 0x11),
        like_usual(0x3, 0x5),
        like_usual(0x4, 0x21),
        rates(0x5, 0x12, 0x16),
        ChargeRow {
            service: 0x6,
            by_vat: [None, NOT_OWN, NOT_OWN, NOT_OWN, NOT_OWN, NOT_OWN, NOT_OWN, NOT_OWN, Some(0x21)],
        },
        rates(0x7, 0x17, 0x1B),
        like_usual(0x8, 0x5),
        not_taxable_only(0x9, 0x22),
        not_taxable_only(0xA, 0x23),
    ],
    down_payments: ([0x1C, 0x1D, 0x1E, 0x1F], 0x20),
    reverse_charge: 0x6,
    charge_readings: &[
        read(0x1, 0x0001),
        read(0x2, 0x0002),
        read(0x3, 0x0003),
        read(0x4, 0x0004),
        read(0x5, 0x0007),
        read(0x6, 0x5008),
        read(0x7, 0x0067),
        read(0x8, 0x0011),
        read(0x9, 0x0012),
        read(0xA, 0x0013),
        read(0xB, 0x0014),
        read(0xC, 0x0017),
        read(0xD, 0x0021),
        read(0xE, 0x0022),
        read(0xF, 0x0023),
        read(0x10, 0x0024),
        read(0x11, 0x0027),
        read(0x12, 0x0051),
        read(0x13, 0x0052),
        read(0x14, 0x0053),
        read(0x15, 0x0054),
        read(0x16, 0x0057),
        read(0x17, 0x0071),
        read(0x18, 0x0072),
        read(0x19, 0x0073),
        read(0x1A, 0x0074),
        read(0x1B, 0x0077),
        read_with(0x1C, 0x0001, DOWN_PAYMENT),
        read_with(0x1D, 0x0002, DOWN_PAYMENT),
        read_with(0x1E, 0x0003, DOWN_PAYMENT),
        read_with(0x1F, 0x0004, DOWN_PAYMENT),
        read_with(0x20, 0x0007, DOWN_PAYMENT),
        read(0x21, 0x0068),
        read(0x22, 0x0098),
        read(0x23, 0x00A8),
        // No own turnover, but counted in the field of the rate. Version 2 has no number of its own for them: a rule
        // that must tell them apart has to look at the word as it was sent.
        read(0x24, 0x0061),
        read(0x25, 0x0062),
        read(0x26, 0x0063),
        read(0x27, 0x0064),
    ],
    pays: &[
        pay_with(0x01, FOREIGN_CURRENCY, 0x2),
        pay_with(0x01, CHANGE, 0x12),
        pay_with(0x01, TIP, 0x0040_0012),
        pay_with(0x09, PayFlag::DOWN_PAYMENT.bits(), 0x10),
        pay(0x00, 0x0),
        pay(0x01, 0x1),
        pay(0x02, 0x7),
        pay(0x03, 0x3),
        pay(0x04, 0x4),
        pay(0x05, 0x5),
        pay(0x06, 0x6),
        pay(0x07, 0x7),
        pay(0x08, 0x8),
        pay(0x09, 0xB),
        pay(0x0A, 0xC),
        pay(0x0B, 0xD),
        pay(0x0C, 0xE),
        pay(0x0D, 0x11),
        pay(0x0E, 0xB),
        pay(0x0F, 0x6),
    ],
    pay_readings: &[
        read(0x1, 0x01),
        read_with(0x2, 0x01, FOREIGN_CURRENCY),
        read(0x3, 0x03),
        read(0x4, 0x04),
        read(0x5, 0x05),
        read(0x6, 0x06),
        read(0x7, 0x07),
        read(0x8, 0x08),
        read(0xB, 0x09),
        read(0xC, 0x0A),
        read(0xD, 0x0B),
        read(0xE, 0x0C),
        read_with(0x10, 0x09, PayFlag::DOWN_PAYMENT.bits()),
        read(0x11, 0x0D),
        read_with(0x12, 0x01, CHANGE),
    ],
};

impl Market {
    /// Austria's v0 charge item number by VAT rate in percent, for an item whose case has 0 in its low 16 bits
    /// (contract 5.3).
    #[must_use]
    pub fn at_charge_by_rate(rate: Decimal) -> u16 {
        [(10, 0x1), (13, 0x2), (20, 0x3), (0, 0x5)]
            .into_iter()
            .find(|(percent, _)| rate == Decimal::from(*percent))
            .map_or(0x4, |(_, number)| number)
    }
}

#[cfg(test)]
#[path = "at_tests.rs"]
mod tests;
