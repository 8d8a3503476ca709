//! The end of a payment in the words of the model.

use std::borrow::Cow;

use kassette_model::cases::PayMeans;
use kassette_model::payment::{Approval, PaymentOutcome, PaymentRefusal, ProviderExchange, RefusalKind};
use kassette_model::{Decimal, FreeJson};

use kassette_wire::json::write::Object;
use kassette_wire::pay::RECEIPT_NUMBER;

use super::transaction::Transaction;

/// Version of the command set.
const VERSION: &str = "13.08";

pub(super) fn approved(told: &Transaction, tip_cents: u64, lines: Vec<String>) -> PaymentOutcome {
    PaymentOutcome::Approved(Approval {
        paid: cents(told.amount_cents.unwrap_or(0)),
        tip: cents(tip_cents),
        means: means(told.card_type),
        lines: if lines.is_empty() { slip(told) } else { lines },
        exchange: ProviderExchange {
            protocol_version: Cow::Borrowed(VERSION),
            request: None,
            response: Some(response(told)),
        },
    })
}

pub(super) fn refused(kind: RefusalKind, title: String, detail: String) -> PaymentOutcome {
    PaymentOutcome::Refused(PaymentRefusal { kind, title: Cow::Owned(title), detail: Cow::Owned(detail) })
}

fn cents(cents: u64) -> Decimal {
    i64::try_from(cents).map_or(Decimal::ZERO, |cents| Decimal::new(cents, 2))
}

/// What the terminal said, as far as it may be kept: with it the payment is found again on its slips, and cancelled.
fn response(told: &Transaction) -> FreeJson {
    let mut out = Vec::with_capacity(160);
    let mut object = Object::begin(&mut out);
    if let Some(number) = told.receipt_number {
        object.text(RECEIPT_NUMBER, format_args!("{number:04}"));
    }
    if let Some(trace) = told.trace {
        object.text("TraceNumber", format_args!("{trace:06}"));
    }
    object.string_if("TerminalId", told.terminal_id.as_deref());
    object.string_if("CardName", told.card_name.as_deref());
    object.string_if("Pan", told.pan_masked.as_deref());
    object.string_if("Authorisation", told.authorisation.as_deref());
    object.end();
    FreeJson(String::from_utf8_lossy(&out).into_owned())
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
