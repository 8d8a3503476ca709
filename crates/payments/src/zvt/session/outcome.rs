//! The end of a payment in the words of the model.

use std::borrow::Cow;

use kassette_model::Decimal;
use kassette_model::cases::PayMeans;
use kassette_model::payment::{Approval, PaymentOutcome, PaymentRefusal, ProviderExchange, RefusalKind};

use super::transaction::Transaction;

/// Version of the command set.
const VERSION: &str = "13.08";

pub(super) fn approved(told: &Transaction, tip_cents: u64, lines: Vec<String>) -> PaymentOutcome {
    PaymentOutcome::Approved(Approval {
        paid: cents(told.amount_cents.unwrap_or(0)),
        tip: cents(tip_cents),
        means: means(told.card_type),
        lines: if lines.is_empty() { slip(told) } else { lines },
        exchange: ProviderExchange { protocol_version: Cow::Borrowed(VERSION), request: None, response: None },
    })
}

pub(super) fn refused(kind: RefusalKind, title: String, detail: String) -> PaymentOutcome {
    PaymentOutcome::Refused(PaymentRefusal { kind, title: Cow::Owned(title), detail: Cow::Owned(detail) })
}

fn cents(cents: u64) -> Decimal {
    i64::try_from(cents).map_or(Decimal::ZERO, |cents| Decimal::new(cents, 2))
}

/// BMP 8A: 6 Mastercard, 8, 10, 12 and 14 are credit cards; 2, 5, 13 and 46 are debit cards; of the others nothing is said.
const fn means(card_type: Option<u8>) -> PayMeans {
    match card_type {
        Some(6 | 8 | 10 | 12 | 14) => PayMeans::CreditCard,
        Some(2 | 5 | 13 | 46) => PayMeans::DebitCard,
        _ => PayMeans::Unknown,
    }
}

/// Lines for the customer, where the terminal gave none: after a payment that was settled by asking.
fn slip(told: &Transaction) -> Vec<String> {
    let amount = cents(told.amount_cents.unwrap_or(0));
    let known = [
        told.terminal_id.as_ref().map(|id| format!("TERMINAL {id}")),
        told.card_name.clone(),
        told.pan_masked.clone(),
        Some(format!("{amount:.2}").replace('.', ",")),
        told.receipt_number.map(|number| format!("RECEIPT {number:04}")),
        told.trace.map(|trace| format!("TRACE {trace:06}")),
    ];
    known.into_iter().flatten().collect()
}
