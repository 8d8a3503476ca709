//! Receipts for the tests of this folder.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use kassette_model::cases::{ChargeItemCase, PayItemCase, ReceiptCase};
use kassette_model::{ChargeItem, Decimal, PayItem, PreviousReceipts, ReceiptRequest};

pub(crate) fn charge(amount: &str, rate: &str, case: u64) -> ChargeItem {
    ChargeItem {
        id: None,
        quantity: Decimal::ONE,
        description: "item".into(),
        amount: amount.parse().unwrap(),
        vat_rate: rate.parse().unwrap(),
        case: ChargeItemCase(case),
        case_data: None,
        vat_amount: None,
        moment: None,
        position: Decimal::ZERO,
        account_number: None,
        cost_center: None,
        product_group: None,
        product_number: None,
        product_barcode: None,
        unit: None,
        unit_quantity: None,
        unit_price: None,
        currency: "EUR".into(),
        unknown: vec![],
    }
}

pub(crate) fn pay(amount: &str, case: u64) -> PayItem {
    PayItem {
        id: None,
        quantity: Decimal::ONE,
        description: "payment".into(),
        amount: amount.parse().unwrap(),
        case: PayItemCase(case),
        case_data: None,
        moment: None,
        position: Decimal::ZERO,
        account_number: None,
        cost_center: None,
        money_group: None,
        money_number: None,
        money_barcode: None,
        currency: "EUR".into(),
        unknown: vec![],
    }
}

pub(crate) fn request(case: u64, charge_items: Vec<ChargeItem>, pay_items: Vec<PayItem>) -> ReceiptRequest {
    ReceiptRequest {
        reference: "R-1".into(),
        moment: "2026-03-04T10:15:34Z".parse().unwrap(),
        charge_items,
        pay_items,
        case: ReceiptCase(case),
        terminal_id: None,
        cash_box_id: None,
        pos_system_id: None,
        queue_id: None,
        previous: PreviousReceipts::None,
        receipt_amount: None,
        user: None,
        area: None,
        customer: None,
        settlement: None,
        case_data: None,
        currency: "EUR".into(),
        unknown: vec![],
    }
}
