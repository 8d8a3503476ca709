//! The general rules for receipts (contract 6.1), for cash boxes that have them on (`validation_fails`).
//!
//! They read cases of version 2. Of a receipt case of version 0 only numbers from 0x1000 on are read so (contract 10.1); such a
//! receipt is checked item by item, but not as a whole.

use kassette_model::cases::Country;
use kassette_model::{ChargeItem, Decimal, PayItem, PreviousReceipts, ReceiptRequest};
use kassette_wire::problem::Finding;

/// Where the rules are written down.
const SOURCE: &str = "general receipt rules";

const RECEIPT_VOID: u64 = 0x0004_0000;
const RECEIPT_REFUND: u64 = 0x0100_0000;
const ITEM_VOID: u64 = 0x0001_0000;
const ITEM_REFUND: u64 = 0x0002_0000;
const CHARGE_DISCOUNT: u64 = 0x0004_0000;
const CHARGE_DOWN_PAYMENT: u64 = 0x0008_0000;
const CHARGE_RETURNABLE: u64 = 0x0010_0000;
const PAY_CHANGE: u64 = 0x0020_0000;
const PAY_TIP: u64 = 0x0040_0000;

const PAYMENT_TRANSFER: u64 = 0x0002;
const DELIVERY_NOTE: u64 = 0x0005;
const PRO_FORMA: u64 = 0x0007;
const INVOICE_B2B: u64 = 0x1002;
const INVOICE_B2G: u64 = 0x1003;

/// `V` of a charge item that is not taxable.
const NOT_TAXABLE: u64 = 8;
/// `S` of a voucher.
const VOUCHER: u64 = 4;

/// A difference in VAT that rounding explains.
const VAT_TOLERANCE: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

fn reads_as_v2(receipt: &ReceiptRequest) -> bool {
    receipt.case.version() == 2 || receipt.case.0 & 0xFFFF >= 0x1000
}

/// Whether the receipt takes back a whole receipt.
pub(super) const fn is_void(receipt: &ReceiptRequest) -> bool {
    receipt.case.0 & RECEIPT_VOID != 0
}

/// Whether the receipt is a refund as a whole.
pub(super) fn is_refund(receipt: &ReceiptRequest) -> bool {
    reads_as_v2(receipt) && receipt.case.0 & RECEIPT_REFUND != 0
}

/// Whether single items are refunds.
pub(super) fn is_partial_refund(receipt: &ReceiptRequest) -> bool {
    receipt.charge_items.iter().any(|item| item.case.version() == 2 && item.case.0 & ITEM_REFUND != 0)
        || receipt.pay_items.iter().any(|item| item.case.version() == 2 && item.case.0 & ITEM_REFUND != 0)
}

/// Checks a receipt; every finding names its place.
pub(super) fn check(receipt: &ReceiptRequest, country: Country) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    if reads_as_v2(receipt) {
        check_whole(receipt, &mut findings);
    }
    if receipt.currency != "EUR" {
        findings.add("OnlyEuroCurrencySupported", "/Currency", "only EUR is supported");
    }
    let inverted = is_void(receipt) || is_refund(receipt);
    for (index, item) in receipt.charge_items.iter().enumerate() {
        check_charge_item(item, index, inverted, country, &mut findings);
    }
    for (index, item) in receipt.pay_items.iter().enumerate() {
        check_pay_item(item, index, inverted, country, &mut findings);
    }
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, code: &'static str, pointer: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < kassette_wire::Findings::MAX {
            self.0.push(Finding::new(code, pointer, message).with_source(SOURCE));
        }
    }
}

fn check_whole(receipt: &ReceiptRequest, findings: &mut Findings) {
    let case = receipt.case.0 & 0xFFFF;
    let sale = matches!(case, 0x0000..=0x1FFF) && !matches!(case, PAYMENT_TRANSFER | DELIVERY_NOTE..=PRO_FORMA);
    let charged = sum(receipt.charge_items.iter().map(|item| item.amount));
    let paid = sum(receipt.pay_items.iter().map(|item| item.amount));
    if sale {
        if receipt.charge_items.is_empty() {
            findings.add("ChargeItemsMissing", "/cbChargeItems", "a sale needs charge items");
        }
        if receipt.pay_items.is_empty() && charged.is_none_or(|sum| !sum.is_zero()) {
            findings.add("PayItemsMissing", "/cbPayItems", "a sale needs pay items");
        } else if charged != paid || charged.is_none() {
            let show = |sum: Option<Decimal>| sum.map_or_else(|| "beyond range".to_owned(), |sum| sum.to_string());
            let message = format!("charge items sum up to {}, pay items to {}", show(charged), show(paid));
            findings.add("ReceiptNotBalanced", "/cbPayItems", message);
        }
    }
    let refers = receipt.previous != PreviousReceipts::None;
    if !refers && is_refund(receipt) {
        let message = "a refund needs the reference of the receipt it takes back";
        findings.add("RefundMissingPreviousReceiptReference", "/cbPreviousReceiptReference", message);
    }
    if !refers && case == PAYMENT_TRANSFER {
        let message = "a payment transfer needs the reference of the receipt it pays";
        findings.add("PaymentTransferMissingPreviousReceiptReference", "/cbPreviousReceiptReference", message);
    }
    if receipt.customer.is_none() && matches!(case, INVOICE_B2B | INVOICE_B2G) {
        findings.add("CustomerRequiredForInvoice", "/cbCustomer", "an invoice to a business needs its customer");
    }
}

fn sum(amounts: impl Iterator<Item = Decimal>) -> Option<Decimal> {
    let mut sum = Decimal::ZERO;
    for amount in amounts {
        sum = sum.checked_add(amount)?;
    }
    Some(sum)
}

fn check_charge_item(item: &ChargeItem, index: usize, inverted: bool, country: Country, findings: &mut Findings) {
    let at = |member: &str| format!("/cbChargeItems/{index}/{member}");
    if item.case.country().is_some_and(|other| other != country) {
        let message = format!("ftChargeItemCase {} is not of {country}", item.case);
        findings.add("ChargeItemCaseCountryMismatch", at("ftChargeItemCase"), message);
    }
    if item.currency != "EUR" {
        findings.add("OnlyEuroCurrencySupported", at("Currency"), "only EUR is supported");
    }
    if let Some(given) = item.vat_amount
        && vat_of(item).is_none_or(|vat| given.checked_sub(vat).is_none_or(|off| off.abs() > VAT_TOLERANCE))
    {
        let message = format!("VATAmount {given} does not follow from Amount {} at {} %", item.amount, item.vat_rate);
        findings.add("VatAmountMismatch", at("VATAmount"), message);
    }
    if item.case.version() != 2 {
        return;
    }
    let (category, service, nature) = (item.case.0 & 0xF, item.case.0 >> 4 & 0xF, item.case.0 >> 8 & 0xFF);
    if item.vat_rate.is_zero() && nature == 0 && category != NOT_TAXABLE {
        let message = "a VAT rate of 0 needs the nature of VAT in ftChargeItemCase";
        findings.add("ZeroVatRateMissingNature", at("ftChargeItemCase"), message);
    }
    // A voucher is redeemed with a negative amount; the flags say themselves that something is taken back.
    let may_be_negative = inverted
        || service == VOUCHER
        || item.case.0 & (ITEM_VOID | ITEM_REFUND | CHARGE_DISCOUNT | CHARGE_DOWN_PAYMENT | CHARGE_RETURNABLE) != 0;
    if !may_be_negative && is_negative(item.quantity) {
        let message = format!("Quantity {} without a flag for void, refund or discount", item.quantity);
        findings.add("NegativeQuantityNotAllowed", at("Quantity"), message);
    }
    if !may_be_negative && is_negative(item.amount) {
        let message = format!("Amount {} without a flag for void, refund or discount", item.amount);
        findings.add("NegativeAmountNotAllowed", at("Amount"), message);
    }
}

/// VAT inside a gross amount; `None` when it cannot be computed.
fn vat_of(item: &ChargeItem) -> Option<Decimal> {
    let whole = Decimal::ONE_HUNDRED.checked_add(item.vat_rate)?;
    item.amount.checked_mul(item.vat_rate)?.checked_div(whole)
}

fn check_pay_item(item: &PayItem, index: usize, inverted: bool, country: Country, findings: &mut Findings) {
    let at = |member: &str| format!("/cbPayItems/{index}/{member}");
    if item.case.country().is_some_and(|other| other != country) {
        let message = format!("ftPayItemCase {} is not of {country}", item.case);
        findings.add("PayItemCaseCountryMismatch", at("ftPayItemCase"), message);
    }
    if item.currency != "EUR" {
        findings.add("OnlyEuroCurrencySupported", at("Currency"), "only EUR is supported");
    }
    if item.case.version() != 2 {
        return;
    }
    let may_be_negative = inverted || item.case.0 & (ITEM_VOID | ITEM_REFUND | PAY_CHANGE | PAY_TIP) != 0;
    if !may_be_negative && is_negative(item.quantity) {
        let message = format!("Quantity {} without a flag for void, refund, change or tip", item.quantity);
        findings.add("NegativeQuantityNotAllowed", at("Quantity"), message);
    }
    if !may_be_negative && is_negative(item.amount) {
        let message = format!("Amount {} without a flag for void, refund, change or tip", item.amount);
        findings.add("NegativeAmountNotAllowed", at("Amount"), message);
    }
}

fn is_negative(value: Decimal) -> bool {
    value.is_sign_negative() && !value.is_zero()
}
