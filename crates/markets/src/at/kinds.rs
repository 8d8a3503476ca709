//! What a receipt case asks for in Austria (contract 5.2, 10.1): one of eight kinds, from either numbering.

use kassette_model::cases::v0::{self, ReceiptReading, TransferContent};
use kassette_model::cases::{Country, PayItemCase, ReceiptCase, ReceiptFlag};
use kassette_model::{Decimal, ReceiptRequest};

use crate::Finding;

/// Global flags of a receipt case that Austria looks at (contract 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags {
    /// 0001: entered after the register failed.
    pub(crate) late: bool,
    /// 0002: training.
    pub(crate) training: bool,
    /// 0004: reversal.
    pub(crate) void: bool,
    /// 0008: handwritten, entered afterwards.
    pub(crate) handwritten: bool,
}

/// Ordinary receipts by their number in the older numbering, which the decision table speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Business(pub(crate) u16);

impl Business {
    pub(crate) const UNKNOWN: Self = Self(0x0);
    pub(crate) const CASH: Self = Self(0x1);
    #[cfg(test)]
    pub(crate) const NO_OBLIGATION: Self = Self(0x7);
    pub(crate) const INVOICE: Self = Self(0x8);
    #[cfg(test)]
    pub(crate) const DELIVERY_NOTE: Self = Self(0x9);
    pub(crate) const PAY_IN: Self = Self(0xA);
    #[cfg(test)]
    pub(crate) const PAY_OUT: Self = Self(0xB);
    #[cfg(test)]
    pub(crate) const TRANSFER: Self = Self(0xC);
    #[cfg(test)]
    pub(crate) const E_COMMERCE: Self = Self(0xF);
    #[cfg(test)]
    pub(crate) const FOREIGN_SALE: Self = Self(0x10);

    /// Bit 32 of the decision table: the receipt case is a cash receipt.
    #[must_use]
    pub(crate) fn is_cash_receipt(self) -> bool {
        matches!(self, Self::UNKNOWN | Self::CASH)
    }
}

/// What a receipt is to Austria.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Decided by the table of what must be signed.
    Business(Business),
    /// Never carries a code: interim bills, pro forma invoices, protocols, internal usage.
    Protocol,
    /// Nullbeleg.
    Zero,
    /// Startbeleg.
    Start,
    /// Schlussbeleg.
    Stop,
    /// Monatsbeleg.
    Month,
    /// Jahresbeleg.
    Year,
}

/// The flags of a request.
#[must_use]
pub(crate) fn flags(request: &ReceiptRequest) -> Flags {
    Flags {
        late: request.case.has(ReceiptFlag::LATE_SIGNING),
        training: request.case.has(ReceiptFlag::TRAINING),
        void: request.case.has(ReceiptFlag::VOID),
        handwritten: request.case.has(ReceiptFlag::HANDWRITTEN),
    }
}

/// Reads the kind from the case. Both numberings lead to the number of version 0, in which the rules of Austria are written.
pub(crate) fn kind(request: &ReceiptRequest) -> Result<Kind, Finding> {
    let case = request.case;
    if case.country() != Some(Country::AT) {
        return Err(finding("ReceiptCaseCountryMismatch", format!("{case} is not a receipt case of Austria")));
    }
    let has_items = !request.charge_items.is_empty() || !request.pay_items.is_empty();
    let number = match v0::read_receipt(case, has_items) {
        ReceiptReading::Case(_) if is_v0_number(case, has_items) => Some(case.low16()),
        ReceiptReading::Case(v2) => v0::AT.receipt(v2, transfer(request)),
        ReceiptReading::Unknown => None,
        ReceiptReading::VersionUnsupported => {
            let version = case.version();
            let message = format!("{case}: version {version} of the receipt case is not supported; 0 and 2 are");
            return Err(finding("ReceiptCaseVersionNotSupported", message));
        }
    };
    number
        .and_then(of_number)
        .ok_or_else(|| finding("ReceiptCaseNotSupported", format!("ftReceiptCase {case} is not supported in Austria")))
}

fn finding(code: &str, message: String) -> Finding {
    Finding { code: code.into(), pointer: "/ftReceiptCase".into(), message, source: "contract 5.2".into() }
}

/// Whether the case is read in the numbering of version 0 (contract 10.1); its transfers are three numbers there.
fn is_v0_number(case: ReceiptCase, has_items: bool) -> bool {
    let number = case.low16();
    case.version() != 2 && number < 0x1000 && !(has_items && v0::AT.only_without_items.contains(&number))
}

fn of_number(number: u16) -> Option<Kind> {
    Some(match number {
        0x2 => Kind::Zero,
        0x3 => Kind::Start,
        0x4 => Kind::Stop,
        0x5 => Kind::Month,
        0x6 => Kind::Year,
        0xD | 0xE => Kind::Protocol,
        0x0 | 0x1 | 0x7..=0xC | 0xF | 0x10 => Kind::Business(Business(number)),
        _ => return None,
    })
}

/// A payment transfer is a pay-in, a pay-out or another one, by its cash.
fn transfer(request: &ReceiptRequest) -> TransferContent {
    let cash = request.pay_items.iter().filter(|item| matches!(pay_number(item.case), 0x1 | 0x2));
    let sum = cash.fold(Decimal::ZERO, |sum, item| sum.saturating_add(item.amount));
    TransferContent { has_charge_items: !request.charge_items.is_empty(), cash: sum.cmp(&Decimal::ZERO) }
}

/// Number of a pay item in version 0 (contract 5.4): 0 to A are cash-like.
#[must_use]
pub(crate) fn pay_number(case: PayItemCase) -> u32 {
    v0::AT.pay(case).unwrap_or_default() & 0xFFFF
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::at::testing::{charge, pay, request};

    fn check(case: u64, kind_: Option<Kind>) {
        assert_eq!(kind(&request(case, vec![], vec![])).ok(), kind_, "{case:#x} without items");
    }

    #[test]
    fn version_2() {
        for (number, kind_) in [
            (0x0000, Kind::Business(Business::UNKNOWN)),
            (0x0001, Kind::Business(Business::CASH)),
            (0x0002, Kind::Business(Business::TRANSFER)),
            (0x0003, Kind::Business(Business::NO_OBLIGATION)),
            (0x0004, Kind::Business(Business::E_COMMERCE)),
            (0x0005, Kind::Business(Business::DELIVERY_NOTE)),
            (0x0006, Kind::Protocol),
            (0x0007, Kind::Protocol),
            (0x0080_0001, Kind::Business(Business::FOREIGN_SALE)),
            (0x1000, Kind::Business(Business::INVOICE)),
            (0x1003, Kind::Business(Business::INVOICE)),
            (0x2000, Kind::Zero),
            (0x2010, Kind::Zero),
            (0x2011, Kind::Zero),
            (0x2012, Kind::Month),
            (0x2013, Kind::Year),
            (0x3000, Kind::Protocol),
            (0x3003, Kind::Protocol),
            (0x3010, Kind::Protocol),
            (0x4001, Kind::Start),
            (0x4002, Kind::Stop),
            (0x4011, Kind::Zero),
        ] {
            check(0x4154_2000_0000_0000 | number, Some(kind_));
        }
        for number in [0x0008, 0x1004, 0x2002, 0x3006, 0x4003, 0x5000, 0xFFFF] {
            check(0x4154_2000_0000_0000 | number, None);
        }
        check(0x4445_2000_0000_0001, None);
        check(0x4154_1000_0000_0001, None);
        check(0x4154_3000_0000_0001, None);
    }

    #[test]
    fn version_0() {
        for (number, kind_) in [
            (0x0, Kind::Business(Business::UNKNOWN)),
            (0x1, Kind::Business(Business::CASH)),
            (0x2, Kind::Zero),
            (0x3, Kind::Start),
            (0x4, Kind::Stop),
            (0x5, Kind::Month),
            (0x6, Kind::Year),
            (0x7, Kind::Business(Business::NO_OBLIGATION)),
            (0x8, Kind::Business(Business::INVOICE)),
            (0xD, Kind::Protocol),
            (0xE, Kind::Protocol),
            (0xF, Kind::Business(Business::E_COMMERCE)),
            (0x10, Kind::Business(Business::FOREIGN_SALE)),
            (0x2012, Kind::Month),
            (0x4001, Kind::Start),
        ] {
            check(0x4154_0000_0000_0000 | number, Some(kind_));
            check(0x4154_8000_0000_0000 | number, Some(kind_));
        }
        check(0x4154_0000_0000_0011, None);
    }

    #[test]
    fn with_items_the_numbers_2_to_6_are_those_of_version_2() {
        for (number, kind_) in [
            (0x2, Kind::Business(Business::TRANSFER)),
            (0x3, Kind::Business(Business::NO_OBLIGATION)),
            (0x4, Kind::Business(Business::E_COMMERCE)),
            (0x5, Kind::Business(Business::DELIVERY_NOTE)),
            (0x6, Kind::Protocol),
        ] {
            let sale = request(0x4154_0000_0000_0000 | number, vec![charge("1", "20", 0)], vec![]);
            assert_eq!(kind(&sale).unwrap(), kind_);
        }
    }

    #[test]
    fn a_transfer_goes_in_or_out() {
        let case = 0x4154_2000_0000_0002;
        let cash = |amount: &str| vec![pay(amount, 0x4154_2000_0000_0001)];
        assert_eq!(kind(&request(case, vec![], cash("5"))).unwrap(), Kind::Business(Business::PAY_IN));
        assert_eq!(kind(&request(case, vec![], cash("-5"))).unwrap(), Kind::Business(Business::PAY_OUT));
        let with_charge = request(case, vec![charge("5", "0", 0x4154_2000_0000_0098)], cash("5"));
        assert_eq!(kind(&with_charge).unwrap(), Kind::Business(Business::TRANSFER));
    }

    #[test]
    fn pay_items_of_both_numberings() {
        for (case, number) in [
            (0x2000_0000_0001_u64, 1),
            (0x2000_0010_0001, 2),
            (0x2000_0020_0001, 0x12),
            (0x2000_0000_0002, 7),
            (0x2000_0000_0005, 5),
            (0x2000_0000_0009, 0xB),
            (0x2000_0008_0009, 0x10),
            (0x2000_0000_000A, 0xC),
            (0x2000_0000_000D, 0x11),
            (0x2000_0000_000F, 6),
            (0x2000_0000_0000, 0),
            (0x0000_0000_000C, 0xC),
        ] {
            assert_eq!(pay_number(PayItemCase(0x4154_0000_0000_0000 | case)), number, "{case:#x}");
        }
    }
}
