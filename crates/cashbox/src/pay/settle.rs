//! A payment in doubt that an operator settles: what may be said of it, and what the journal keeps of who said it.

use kassette_model::cases::PayMeans;
use kassette_model::payment::{
    Approval, PayAction, PaymentOutcome, PaymentRefusal, PaymentState, ProviderExchange, RefusalKind, SettledAs,
    Settlement,
};
use kassette_model::{Decimal, OperationId};
use kassette_record::{ActionJournal, PaymentFacts, moment};
use kassette_wire::json::write::Object;
use kassette_wire::problem::{Code, Finding, Findings, Problem};

use super::{AMOUNT_MAX, PLACES, ended, progress};
use crate::CashBox;
use crate::operation::{Facts, Request, Step};
use crate::seed::derive_uuid;

/// `Type` of the entry about a payment that was settled by hand.
const SETTLED: &str = "PaymentSettledByHand";
/// `Type` of the entry about a terminal that is asked again.
const ASKED_AGAIN: &str = "PaymentAskedAgain";
/// First line of the slip of a payment that has none of the terminal, and the title of one that was not made.
const BY_HAND: &str = "SETTLED BY HAND";
const NOT_CHARGED: &str = "NOT CHARGED";

/// A settlement that the payment does not take as it stands.
pub(super) fn conflict(operation: OperationId, how: &str) -> Box<Problem> {
    let detail = format!("the payment of operation {operation} {how}");
    Box::new(Problem::new(Code::PaymentStateConflict, detail))
}

/// Whether a payment that stands so can be settled so.
pub(super) fn check(payment: &PaymentFacts, settlement: &Settlement) -> Result<(), Box<Problem>> {
    match (payment.state, settlement.outcome) {
        (PaymentState::Unknown, SettledAs::AskAgain) => {
            return Err(conflict(payment.operation, "is unknown: its terminal is being asked already"));
        }
        (state, _) if !state.is_unsettled() => {
            let how = format!("is {state}: only one that is unknown or needs an operator is settled by hand");
            return Err(conflict(payment.operation, &how));
        }
        _ => {}
    }
    let mut findings = Vec::new();
    let mut refuse = |pointer: &str, message: String| {
        findings.push(Finding::new("value-out-of-range", pointer, message));
    };
    for (pointer, text, max) in [
        ("/by", &settlement.by, Settlement::BY_CHARS_MAX),
        ("/reason", &settlement.reason, Settlement::REASON_CHARS_MAX),
    ] {
        if text.trim().is_empty() || text.chars().count() > max || text.chars().any(char::is_control) {
            refuse(pointer, format!("1 to {max} characters without control characters are needed"));
        }
    }
    if let SettledAs::Paid { amount: Some(paid) } = settlement.outcome {
        let asked = asked(payment);
        if paid <= Decimal::ZERO || paid > AMOUNT_MAX || paid.normalize().scale() > PLACES {
            refuse("/paidAmount", format!("more than 0 and at most {AMOUNT_MAX} with two decimal places is accepted"));
        } else if payment.action != PayAction::Payment && paid > asked {
            refuse("/paidAmount", format!("no more than the {asked} that were asked for can have gone back"));
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(Box::new(Findings { code: Code::BodyInvalid, findings }.into_problem().without_storing()))
}

/// What was asked for; the record was written by this program.
fn asked(payment: &PaymentFacts) -> Decimal {
    payment.amount.parse().unwrap_or_default()
}

/// Takes the word of an operator: `before` is how the payment stands, `state` how it stands afterwards.
pub(super) fn settle(
    cash_box: &mut CashBox,
    request: &Request,
    facts: &Facts,
    before: &PaymentFacts,
    state: PaymentState,
    settlement: &Settlement,
) -> Step {
    let actions = vec![entry(facts, before, settlement)];
    let Settlement { by, reason, .. } = settlement;
    let payment =
        |how: &str| PaymentFacts { state, reason: Some(format!("{how} by {by}: {reason}")), ..before.clone() };
    let (outcome, payment) = match settlement.outcome {
        SettledAs::Paid { amount } => {
            let paid = amount.unwrap_or_else(|| asked(before));
            (PaymentOutcome::Approved(approval(before, paid)), payment("settled as paid"))
        }
        SettledAs::NotPaid => (PaymentOutcome::Refused(refusal()), payment("settled as not paid")),
        SettledAs::AskAgain => {
            return match progress(cash_box, request, facts, payment("asked again"), None, actions) {
                Ok(record) => Step::Progress(Box::new(record)),
                Err(step) => *step,
            };
        }
    };
    ended(cash_box, request, facts, payment, outcome, actions)
}

/// What a guest gave above what was asked for is a tip.
fn approval(payment: &PaymentFacts, paid: Decimal) -> Approval {
    let tip = paid.checked_sub(asked(payment)).unwrap_or_default().max(Decimal::ZERO);
    let lines = vec![BY_HAND.to_owned(), format!("{} {paid:.2}", payment.currency)];
    Approval { paid, tip, means: PayMeans::Unknown, lines, exchange: ProviderExchange::default() }
}

fn refusal() -> PaymentRefusal {
    PaymentRefusal {
        kind: RefusalKind::NotCharged,
        title: NOT_CHARGED.into(),
        detail: "an operator has settled it by hand: no money has moved".into(),
    }
}

/// What an auditor reads: who, when, why, what it was and how it was settled.
fn entry(facts: &Facts, payment: &PaymentFacts, settlement: &Settlement) -> ActionJournal {
    let Settlement { outcome, by, reason } = settlement;
    let (kind, done) = match outcome {
        SettledAs::AskAgain => (ASKED_AGAIN, "had the terminal asked again for"),
        SettledAs::Paid { .. } => (SETTLED, "settled as paid"),
        SettledAs::NotPaid => (SETTLED, "settled as not paid"),
    };
    let PaymentFacts { action, amount, currency, state, .. } = payment;
    let message = format!("{by} {done} the {action} of {amount} {currency} that was {state}: {reason}");
    let mut data = Vec::with_capacity(512);
    let mut object = Object::begin(&mut data);
    object.uuid("OperationId", payment.operation.uuid());
    object.string("Outcome", outcome.name());
    if let SettledAs::Paid { amount } = outcome {
        object.decimal("PaidAmount", amount.unwrap_or_else(|| asked(payment)));
    }
    object.string("By", by);
    object.string("Reason", reason);
    object.moment("Moment", facts.now);
    object.string("Provider", &payment.provider);
    object.string_if("Terminal", Some(payment.terminal.as_str()).filter(|name| !name.is_empty()));
    object.string("Action", action.name());
    object.decimal("Amount", asked(payment));
    object.string("Currency", currency);
    object.moment("Began", moment(payment.began_ns));
    object.string("State", state.name());
    object.string_if("StateReason", payment.reason.as_deref());
    object.end();
    ActionJournal {
        id: derive_uuid(&facts.seed, "action-0"),
        priority: 0,
        kind: kind.to_owned(),
        message,
        data_json: String::from_utf8(data).ok(),
    }
}
