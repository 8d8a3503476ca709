//! What must be signed: the decision table and its exceptions (BAO §131b; fiscal notes, "What must be signed").

use kassette_model::{Decimal, PayItem, ReceiptRequest};

use super::kinds::{self, Business, Flags};
use super::rates::{self, Nature, Rules};

/// Bits of the table.
const CASH_LIKE: u8 = 1;
const NO_OWN_TURNOVER: u8 = 2;
const TURNOVER: u8 = 4;
const TRAINING: u8 = 8;
const LATE_ENTRY: u8 = 16;
const CASH_RECEIPT: u8 = 32;

/// Highest number of a pay item that counts as cash: cash, cheque, cards, vouchers, online payment (v0 numbering).
const CASH_LIKE_PAY_MAX: u32 = 0xA;
/// A receivable among the pay items (v0 numbering).
const PAY_RECEIVABLE: u32 = 0xB;

/// What the table says of a sum of bits: any training receipt, and a cash receipt with cash and turnover.
#[must_use]
fn must_sign(sum: u8) -> bool {
    let cash_sale = CASH_RECEIPT | TURNOVER | CASH_LIKE;
    sum & TRAINING != 0 || sum & cash_sale == cash_sale
}

/// Whether an ordinary receipt carries a code. Outside training, what carries one moves the counter.
#[must_use]
pub(crate) fn is_signed(request: &ReceiptRequest, business: Business, flags: Flags, rules: Rules, all: bool) -> bool {
    all || must_sign(bits(request, business, flags, rules)) || is_exception(request, business, flags, rules)
}

fn is_cash_like(item: &PayItem) -> bool {
    kinds::pay_number(item.case) <= CASH_LIKE_PAY_MAX
}

fn bits(request: &ReceiptRequest, business: Business, flags: Flags, rules: Rules) -> u8 {
    let natures = || request.charge_items.iter().map(|item| rates::place(item, rules).nature);
    let liability = natures().any(|nature| nature == Nature::Liability);
    let mut bits = 0;
    for (holds, bit) in [
        (liability || request.pay_items.iter().any(is_cash_like), CASH_LIKE),
        (natures().any(|nature| nature == Nature::NoOwnTurnover), NO_OWN_TURNOVER),
        (natures().any(|nature| nature != Nature::NoOwnTurnover), TURNOVER),
        (flags.training, TRAINING),
        (flags.late || flags.handwritten, LATE_ENTRY),
        (business.is_cash_receipt(), CASH_RECEIPT),
    ] {
        if holds {
            bits |= bit;
        }
    }
    bits
}

/// Receipts that the table lets pass and that are signed all the same. A reversal is looked at with its signs turned.
fn is_exception(request: &ReceiptRequest, business: Business, flags: Flags, rules: Rules) -> bool {
    let sign = |amount: Decimal| if flags.void { -amount } else { amount };
    let liabilities = || {
        let items = request.charge_items.iter();
        items.filter(|item| rates::place(item, rules).nature == Nature::Liability)
    };
    let cash_like = liabilities().next().is_some() || request.pay_items.iter().any(is_cash_like);
    let positive = |amount: Decimal| amount > Decimal::ZERO;

    let vat_swap = request.pay_items.is_empty() && is_vat_swap(request, rules);
    let receivable_paid = cash_like
        && (request.pay_items.iter())
            .any(|item| kinds::pay_number(item.case) == PAY_RECEIVABLE && positive(-sign(item.amount)));
    let liability_paid = cash_like
        && matches!(business, Business::INVOICE | Business::PAY_IN)
        && liabilities().any(|item| positive(sign(item.amount)));
    let invoice_paid = business == Business::INVOICE
        && request.pay_items.iter().any(|item| is_cash_like(item) && positive(sign(item.amount)));
    vat_swap || receivable_paid || liability_paid || invoice_paid
}

/// Turnover without payment whose gross sum or whose VAT is not zero.
fn is_vat_swap(request: &ReceiptRequest, rules: Rules) -> bool {
    let turnover = || request.charge_items.iter().filter(|item| rates::place(item, rules).nature == Nature::Turnover);
    let gross = turnover().fold(Decimal::ZERO, |sum, item| sum.saturating_add(item.amount));
    let vat = turnover().fold(Decimal::ZERO, |sum, item| {
        let by_rate = || item.amount.saturating_mul(item.vat_rate) / Decimal::ONE_HUNDRED;
        sum.saturating_add(item.vat_amount.unwrap_or_else(by_rate))
    });
    !gross.is_zero() || !vat.is_zero()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::at::testing::{charge, pay, request};

    const CASE: u64 = 0x4154_2000_0000_0000;

    fn flags(training: bool, void: bool) -> Flags {
        Flags { late: false, training, void, handwritten: false }
    }

    /// The table as published: sign at these sums.
    #[test]
    fn all_64_sums() {
        let signed: Vec<u8> =
            (8..=15).chain(24..=31).chain([37, 39]).chain(40..=47).chain([53, 55]).chain(56..=63).collect();
        for sum in 0..64 {
            assert_eq!(must_sign(sum), signed.contains(&sum), "{sum}");
        }
    }

    /// Each sum made by a receipt, so that the bits themselves are right.
    #[test]
    fn all_64_receipts() {
        for sum in 0_u8..64 {
            let mut charges = Vec::new();
            if sum & NO_OWN_TURNOVER != 0 {
                charges.push(charge("2", "0", CASE | 0x48));
            }
            if sum & TURNOVER != 0 {
                charges.push(charge("3", "20", CASE | 0x03));
            }
            let number = if sum & CASH_LIKE != 0 { 0x04 } else { 0x0B };
            let receipt = request(CASE, charges, vec![pay("5", CASE | number)]);
            let business = if sum & CASH_RECEIPT != 0 { Business::CASH } else { Business::DELIVERY_NOTE };
            let flags =
                Flags { late: sum & LATE_ENTRY != 0, training: sum & TRAINING != 0, void: false, handwritten: false };
            let rules = Rules::named("2017-04").unwrap();
            assert_eq!(bits(&receipt, business, flags, rules), sum);
            assert_eq!(is_signed(&receipt, business, flags, rules, false), must_sign(sum), "{sum}");
            assert!(is_signed(&receipt, business, flags, rules, true));
        }
    }

    fn check(business: Business, void: bool, charges: &[(&str, u64)], pays: &[(&str, u64)], signed: bool) {
        let charges_: Vec<_> = charges.iter().map(|(amount, case)| charge(amount, "20", CASE | case)).collect();
        let pays_: Vec<_> = pays.iter().map(|(amount, case)| pay(amount, CASE | case)).collect();
        let receipt = request(CASE, charges_, pays_);
        let rules = Rules::named("2017-04").unwrap();
        let is = is_signed(&receipt, business, flags(false, void), rules, false);
        assert_eq!(is, signed, "{business:?} void {void} {charges:?} {pays:?}");
    }

    #[test]
    fn exceptions() {
        // turnover without a payment: by its sum, or by its VAT when the gross sums cancel out
        check(Business::DELIVERY_NOTE, false, &[("5", 0x03)], &[], true);
        check(Business::DELIVERY_NOTE, false, &[("5", 0x03), ("-5", 0x03)], &[], false);
        check(Business::DELIVERY_NOTE, false, &[("5", 0x48)], &[], false);
        check(Business::CASH, false, &[], &[], false);
        // a bank transfer is not cash-like
        check(Business::CASH, false, &[("5", 0x03)], &[("5", 0x0B)], false);
        check(Business::CASH, false, &[("5", 0x03)], &[("5", 0x01)], true);
        // a receivable is settled with cash
        check(Business::DELIVERY_NOTE, false, &[], &[("5", 0x01), ("-5", 0x09)], true);
        check(Business::DELIVERY_NOTE, false, &[], &[("5", 0x01), ("5", 0x09)], false);
        check(Business::DELIVERY_NOTE, true, &[], &[("-5", 0x01), ("5", 0x09)], true);
        check(Business::DELIVERY_NOTE, false, &[], &[("5", 0x0B), ("-5", 0x09)], false);
        // a liability with a duty to sign, on invoices and pay-ins
        check(Business::INVOICE, false, &[("5", 0x98)], &[("5", 0x0B)], true);
        check(Business::PAY_IN, false, &[("5", 0x98)], &[("5", 0x0B)], true);
        check(Business::TRANSFER, false, &[("5", 0x98)], &[("5", 0x0B)], false);
        check(Business::INVOICE, false, &[("-5", 0x98)], &[("-5", 0x0B)], false);
        check(Business::INVOICE, true, &[("-5", 0x98)], &[("-5", 0x0B)], true);
        // an invoice is paid with cash
        check(Business::INVOICE, false, &[("5", 0x03)], &[("5", 0x05)], true);
        check(Business::INVOICE, false, &[("-5", 0x03)], &[("-5", 0x05)], false);
        check(Business::INVOICE, true, &[("-5", 0x03)], &[("-5", 0x05)], true);
        check(Business::INVOICE, false, &[("5", 0x03)], &[("5", 0x0A)], false);
    }

    #[test]
    fn a_swap_of_rates_moves_vat() {
        let receipt = request(CASE, vec![charge("5", "20", CASE | 3), charge("-5", "10", CASE | 1)], vec![]);
        let rules = Rules::named("2017-04").unwrap();
        assert!(is_signed(&receipt, Business::NO_OBLIGATION, flags(false, false), rules, false));
    }
}
