//! Known answers of the Austrian maps, and that the two directions agree.

use std::cmp::Ordering;

use super::super::{ReceiptReading, TransferContent, read_receipt};
use super::*;
use crate::cases::{ChargeItemCase, PayItemCase, ReceiptCase, ReceiptName};

const SALE: TransferContent = TransferContent { has_charge_items: true, cash: Ordering::Equal };

fn v2_receipt(low32: u64) -> ReceiptCase {
    ReceiptCase(0x4154_2000_0000_0000 | low32)
}

#[test]
fn every_v2_receipt_case_has_its_number() {
    for (low32, v0) in [
        (0x0000, 0x0),
        (0x0001, 0x1),
        (0x0003, 0x7),
        (0x0004, 0xF),
        (0x1002, 0x8),
        (0x2011, 0x2),
        (0x2012, 0x5),
        (0x3003, 0xE),
        (0x3010, 0xD),
        (0x4001, 0x3),
        (0x4022, 0x2),
        (0x0080_0001, 0x10),
        (0x0080_0002, 0x10),
        (0x0080_0004, 0xF),
    ] {
        assert_eq!(AT.receipt(v2_receipt(low32), SALE), Some(v0), "{low32:x}");
    }
    for name in ReceiptName::ALL {
        assert!(AT.receipt(v2_receipt(u64::from(name.bits())), SALE).is_some(), "{}", name.name());
    }
    assert_eq!(AT.receipt(v2_receipt(0x0008), SALE), None);
}

#[test]
fn a_payment_transfer_is_one_of_three() {
    let transfer = v2_receipt(0x0002);
    for (has_charge_items, cash, v0) in [
        (false, Ordering::Greater, 0xA),
        (false, Ordering::Less, 0xB),
        (true, Ordering::Less, 0xB),
        (true, Ordering::Greater, 0xC),
        (false, Ordering::Equal, 0xC),
    ] {
        assert_eq!(AT.receipt(transfer, TransferContent { has_charge_items, cash }), Some(v0));
    }
}

fn check_reading(word: u64, has_items: bool, expected: u64) {
    let expected = ReceiptReading::Case(ReceiptCase(expected));
    assert_eq!(read_receipt(ReceiptCase(word), has_items), expected, "{word:x} {has_items}");
}

#[test]
fn a_sale_never_starts_stops_or_closes_a_queue() {
    check_reading(0x4154_0000_0000_0003, false, 0x4154_2000_0000_4001);
    check_reading(0x4154_0000_0000_0003, true, 0x4154_2000_0000_0003);
    check_reading(0x4154_0000_0000_0002, false, 0x4154_2000_0000_2000);
    check_reading(0x4154_0000_0000_0006, true, 0x4154_2000_0000_0006);
    check_reading(0x4154_0000_0000_0007, true, 0x4154_2000_0000_0003);
}

#[test]
fn nibbles_are_read_as_decided() {
    check_reading(0x4154_0000_0000_0001, true, 0x4154_2000_0000_0001);
    check_reading(0x4154_0000_0004_0001, true, 0x4154_2000_0004_0001);
    check_reading(0x4154_8000_0000_0001, true, 0x4154_2000_8000_0001);
    check_reading(0x4154_0000_0000_4001, false, 0x4154_2000_0000_4001);
    check_reading(0x4154_2000_0000_0003, true, 0x4154_2000_0000_0003);
    check_reading(0x4154_0000_0000_0010, true, 0x4154_2000_0080_0001);
    assert_eq!(read_receipt(ReceiptCase(0x4154_0000_0000_0011), true), ReceiptReading::Unknown);
    assert_eq!(read_receipt(ReceiptCase(0x4154_1000_0000_0001), true), ReceiptReading::VersionUnsupported);
    // A market without maps has no version 0.
    check_reading(0x4752_0000_0000_0001, true, 0x4752_2000_0000_0001);
}

fn charge(low32: u64) -> Option<u16> {
    AT.charge(ChargeItemCase(0x4154_2000_0000_0000 | low32))
}

#[test]
fn charge_items_follow_the_guide() {
    for (low32, v0) in [
        (0x00, 0x0),
        (0x03, 0x3),
        (0x04, 0x4),
        (0x05, 0x5),
        (0x08, 0x5),
        (0x5008, 0x6),
        (0x11, 0x8),
        (0x14, 0xB),
        (0x15, 0xC),
        (0x18, 0xC),
        (0x21, 0xD),
        (0x24, 0x10),
        (0x28, 0x11),
        (0x33, 0x3),
        (0x48, 0x21),
        (0x83, 0x3),
        (0x51, 0x12),
        (0x58, 0x16),
        (0x61, 0x7),
        (0x67, 0x7),
        (0x68, 0x21),
        (0x74, 0x1A),
        (0x75, 0x1B),
        (0x98, 0x22),
        (0xA8, 0x23),
        (0x0008_0013, 0x1E),
        (0x0008_0017, 0x20),
    ] {
        assert_eq!(charge(low32), Some(v0), "{low32:x}");
    }
    for low32 in [0x10, 0x93, 0xA1, 0xB1, 0xF3, 0x09] {
        assert_eq!(charge(low32), None, "{low32:x}");
    }
    assert_eq!(AT.charge(ChargeItemCase(0x4154_0000_0000_0024)), Some(0x24));
}

#[test]
fn what_is_read_from_version_0_goes_back_to_the_same_number() {
    for row in AT.charge_readings {
        let v2 = AT.read_charge(ChargeItemCase(0x4154_0000_0000_0000 | u64::from(row.v0)));
        assert_eq!(v2.version(), 2);
        // 24 to 27 have no number of their own in version 2.
        let expected = if (0x24..=0x27).contains(&row.v0) { 0x7 } else { row.v0 };
        assert_eq!(AT.charge(v2), Some(expected), "{:x}", row.v0);
    }
    for row in AT.pay_readings {
        let v2 = AT.read_pay(PayItemCase(0x4154_0000_0000_0000 | u64::from(row.v0)));
        assert_eq!(AT.pay(v2), Some(u32::from(row.v0)), "{:x}", row.v0);
    }
    for row in AT.receipt_readings {
        let ReceiptReading::Case(v2) = read_receipt(ReceiptCase(0x4154_0000_0000_0000 | u64::from(row.v0)), false)
        else {
            panic!("{:x} is in the table", row.v0);
        };
        let content = TransferContent {
            has_charge_items: row.v0 == 0xC,
            cash: if row.v0 == 0xB { Ordering::Less } else { Ordering::Greater },
        };
        assert_eq!(AT.receipt(v2, content), Some(row.v0), "{:x}", row.v0);
    }
}

#[test]
fn pay_items_follow_the_guide() {
    for (low32, v0) in [
        (0x01, 0x1),
        (0x0010_0001, 0x2),
        (0x02, 0x7),
        (0x0180_0005, 0x5),
        (0x09, 0xB),
        (0x0008_0009, 0x10),
        (0x0D, 0x11),
        (0x0E, 0xB),
        (0x0F, 0x6),
        (0x0020_0001, 0x12),
        (0x0040_0001, 0x0040_0012),
    ] {
        assert_eq!(AT.pay(PayItemCase(0x4154_2000_0000_0000 | low32)), Some(v0), "{low32:x}");
    }
    assert_eq!(AT.pay(PayItemCase(0x4154_2000_0000_0010)), None);
    let tip = AT.read_pay(PayItemCase(0x4154_0000_0040_0012));
    assert_eq!(tip, PayItemCase(0x4154_2000_0040_0001));
    assert_eq!(AT.pay(tip), Some(0x0040_0012));
}

#[test]
fn an_item_without_a_case_goes_by_its_rate() {
    for (rate, number) in [("10", 1), ("13.00", 2), ("20.0", 3), ("0", 5), ("19", 4), ("10.5", 4)] {
        assert_eq!(rate.parse().map(Market::at_charge_by_rate), Ok(number), "{rate}");
    }
}
